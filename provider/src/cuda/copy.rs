//! Enqueueing a copy between host memory, given as raw addresses, and device memory.
//!
//! Raw addresses, because the bytes may be read or written after the call returns, by the device, which
//! no Rust reference could express. Whoever calls keeps the host memory until an event says so.

use std::{ptr::NonNull, sync::Arc};

use cudarc::driver::{
    CudaStream, DevicePtr, DevicePtrMut, DeviceSlice, SyncOnDrop, sys::CUdeviceptr,
};

use super::{
    error::{DriverError, check},
    visit::{apart, bind},
};

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
    let entries = bind(stream.context())?;
    // The guard records cudarc's own write event after the copy, for its stream ordering. Where the stream could not
    // be made to wait for earlier uses, cudarc has put that into the context.
    let (guarded, ordered) = apart(stream.context(), || destination.device_ptr_mut(stream));
    let (address, written) = guarded;
    ordered?;
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    let enqueued = check(unsafe {
        (entries.copy_to_device)(address, source.as_ptr().cast(), bytes, stream.cu_stream())
    });
    let ((), recorded) = apart(stream.context(), || drop(written));
    enqueued?;
    ordered_behind(stream, recorded)
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
    let entries = bind(stream.context())?;
    let (guarded, ordered) = apart(stream.context(), || source.device_ptr(stream));
    let (address, read) = guarded;
    ordered?;
    // SAFETY: the caller vouches for both ranges; the stream is alive as it is borrowed.
    let enqueued = check(unsafe {
        (entries.copy_to_host)(
            destination.as_ptr().cast(),
            address,
            bytes,
            stream.cu_stream(),
        )
    });
    let ((), recorded) = apart(stream.context(), || drop(read));
    enqueued?;
    ordered_behind(stream, recorded)
}

/// Where cudarc could not record its event behind the copy, other streams would not wait for it: then
/// this call does.
fn ordered_behind(
    stream: &CudaStream,
    recorded: Result<(), DriverError>,
) -> Result<(), DriverError> {
    recorded.or_else(|_| synchronize(stream))
}

/// Device memory known by its address.
pub(crate) struct ForeignMemory<'a> {
    pub(crate) address: u64,
    pub(crate) bytes: usize,
    pub(crate) stream: &'a Arc<CudaStream>,
}

impl DeviceSlice<u8> for ForeignMemory<'_> {
    fn len(&self) -> usize {
        self.bytes
    }

    fn stream(&self) -> &Arc<CudaStream> {
        self.stream
    }
}

impl DevicePtr<u8> for ForeignMemory<'_> {
    /// The caller, who chose the stream, has ordered it.
    fn device_ptr<'a>(&'a self, _: &'a CudaStream) -> (CUdeviceptr, SyncOnDrop<'a>) {
        (self.address, SyncOnDrop::Record(None))
    }
}

impl DevicePtrMut<u8> for ForeignMemory<'_> {
    /// The caller, who chose the stream, has ordered it.
    fn device_ptr_mut<'a>(&'a mut self, _: &'a CudaStream) -> (CUdeviceptr, SyncOnDrop<'a>) {
        (self.address, SyncOnDrop::Record(None))
    }
}

/// Waits until everything enqueued on the stream has executed. Not for a stream that is captured.
pub(crate) fn synchronize(stream: &CudaStream) -> Result<(), DriverError> {
    let entries = bind(stream.context())?;
    // SAFETY: the stream is alive, as it is borrowed.
    check(unsafe { (entries.stream_synchronize)(stream.cu_stream()) })
}
