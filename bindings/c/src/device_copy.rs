//! Copies between a device and what C has there, and on whose stream.

use std::{ffi::c_void, sync::Arc};

use zenoh_pinned::{CopyError, FallbackReason, Pinner, cudarc::driver::CudaStream};

use crate::{failure::failed, status::Status};

/// The default stream that waits for the blocking ones, as CUDA's headers number it (`CU_STREAM_LEGACY`).
const LEGACY: usize = 1;

/// The stream of a handle of C's; NULL is the default stream.
///
/// # Safety
/// The handle is NULL, or of a stream of the pinner's context that exists until the call ends.
pub(crate) unsafe fn stream(
    pinner: &Pinner,
    handle: *mut c_void,
) -> Result<Arc<CudaStream>, Status> {
    let handle = match handle.is_null() {
        true => std::ptr::without_provenance_mut(LEGACY),
        false => handle,
    };
    let context = pinner.context().ok_or_else(|| {
        let reason = pinner.reason().cloned();
        let reason = reason.unwrap_or(FallbackReason::HostOnly);
        failed(CopyError::NoDevice { reason })
    })?;
    // SAFETY: as the caller promises; it is never destroyed here.
    Ok(unsafe { context.wrap_borrowed_stream(handle.cast()) })
}
