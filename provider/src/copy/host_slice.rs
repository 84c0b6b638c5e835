//! A frame as a source of cudarc's own copies.

use cudarc::driver::{CudaStream, HostSlice, SyncOnDrop};

use crate::{cuda, frame::Frame};

/// cudarc's copies accept a frame: `stream.memcpy_htod(&frame, &mut device)`.
///
/// They wait for the copy, which keeps the bytes held: cudarc offers a guard that would record an event
/// instead, but does not record it while a context has only one stream, so the hold could not be kept by
/// it. [`Frame::copy_to_device`] is the way that does not wait.
///
/// A received frame is read-only. Using one as the *destination* of a copy copies nothing and puts
/// `CUDA_ERROR_INVALID_VALUE` into the context, where cudarc's next call reports it.
impl HostSlice<u8> for Frame {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    unsafe fn stream_synced_slice<'a>(
        &'a self,
        stream: &'a CudaStream,
    ) -> (&'a [u8], SyncOnDrop<'a>) {
        let source = self.registered_address().map_or(&self[..], |address| {
            // SAFETY: the registered mapping shows the same bytes of the same file, for the frame's
            // length, and lives as long as the frame.
            unsafe { std::slice::from_raw_parts(address.as_ptr(), self.len()) }
        });
        (source, SyncOnDrop::Sync(Some(stream)))
    }

    unsafe fn stream_synced_mut_slice<'a>(
        &'a mut self,
        stream: &'a CudaStream,
    ) -> (&'a mut [u8], SyncOnDrop<'a>) {
        cuda::leave_invalid_value(stream.context());
        (&mut [], SyncOnDrop::Sync(None))
    }
}
