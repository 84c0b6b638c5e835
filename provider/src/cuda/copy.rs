//! Enqueueing a copy between host memory, given as raw addresses, and device memory.
//!
//! Raw addresses, because the bytes may be read or written after the call returns, by the device, which
//! no Rust reference could express. Whoever calls keeps the host memory until an event says so.

use std::ptr::NonNull;

use cudarc::driver::{CudaStream, DevicePtr, DevicePtrMut, DriverError, sys};

use super::{bind, synchronize};

/// Enqueues a copy of `bytes` from `source` to the start of `destination`.
///
/// # Safety
/// `source` is readable for `bytes` and stays mapped and unchanged until the copy has executed;
/// `destination` has room for `bytes`.
pub(crate) unsafe fn enqueue_from_host<Destination: DevicePtrMut<u8>>(
    stream: &CudaStream,
    source: NonNull<u8>,
    bytes: usize,
    destination: &mut Destination,
) -> Result<(), DriverError> {
    bind(stream.context())?;
    // The guard records cudarc's own write event after the copy, for its stream ordering.
    let (address, written) = destination.device_ptr_mut(stream);
    // Where the stream could not be made to wait for earlier uses, cudarc has put that here.
    stream.context().check_err()?;
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    let code = unsafe {
        sys::cuMemcpyHtoDAsync_v2(address, source.as_ptr().cast(), bytes, stream.cu_stream())
    };
    drop(written);
    code.result()?;
    ordered(stream)
}

/// Enqueues a copy of `bytes` from the start of `source` to `destination`.
///
/// # Safety
/// `destination` is writable for `bytes`, and nobody else reads or writes it until the copy has executed;
/// `source` has that many bytes.
pub(crate) unsafe fn enqueue_from_device<Source: DevicePtr<u8>>(
    stream: &CudaStream,
    source: &Source,
    bytes: usize,
    destination: NonNull<u8>,
) -> Result<(), DriverError> {
    bind(stream.context())?;
    let (address, read) = source.device_ptr(stream);
    stream.context().check_err()?;
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    let code = unsafe {
        sys::cuMemcpyDtoHAsync_v2(
            destination.as_ptr().cast(),
            address,
            bytes,
            stream.cu_stream(),
        )
    };
    drop(read);
    code.result()?;
    ordered(stream)
}

/// Where cudarc could not record its event behind the copy, other streams would not wait for it: then
/// this call does.
fn ordered(stream: &CudaStream) -> Result<(), DriverError> {
    match stream.context().check_err() {
        Ok(()) => Ok(()),
        Err(_) => synchronize(stream),
    }
}
