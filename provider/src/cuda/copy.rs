//! Enqueueing a copy between host memory, given as raw addresses, and device memory.
//!
//! Raw addresses, because the bytes may be read or written after the call returns, by the device, which
//! no Rust reference could express. Whoever calls keeps the host memory until an event says so.

use std::ptr::NonNull;

use cudarc::driver::{CudaStream, DevicePtr, DevicePtrMut, DriverError, sys};

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
    stream.context().bind_to_thread()?;
    // The guard records cudarc's own write event after the copy, for its stream ordering.
    let (address, _written) = destination.device_ptr_mut(stream);
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    unsafe { sys::cuMemcpyHtoDAsync_v2(address, source.as_ptr().cast(), bytes, stream.cu_stream()) }
        .result()
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
    stream.context().bind_to_thread()?;
    let (address, _read) = source.device_ptr(stream);
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    unsafe {
        sys::cuMemcpyDtoHAsync_v2(
            destination.as_ptr().cast(),
            address,
            bytes,
            stream.cu_stream(),
        )
    }
    .result()
}
