//! Streams of other libraries.

use std::sync::Arc;

use pyo3::{exceptions::PyTypeError, prelude::*};
use zenoh_pinned::{
    Pinner,
    cudarc::driver::{CudaStream, sys::CUstream},
};

/// The default stream that waits for the blocking ones, as DLPack numbers it.
const LEGACY: u64 = 1;

/// The handle of a stream: a number, an object with CUDA's `__cuda_stream__`, or torch's or CuPy's.
///
/// # Errors
/// `TypeError`: it is no stream.
pub(crate) fn handle(stream: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Some(protocol) = stream.getattr_opt("__cuda_stream__")? {
        let described = match protocol.is_callable() {
            true => protocol.call0()?,
            false => protocol,
        };
        return Ok(described.extract::<(u64, u64)>()?.1);
    }
    for attribute in ["cuda_stream", "ptr"] {
        if let Some(handle) = stream.getattr_opt(attribute)? {
            return handle.extract();
        }
    }
    stream.extract().map_err(|_| {
        PyTypeError::new_err("a stream is its handle, or an object of torch, CuPy or cuda.core")
    })
}

/// The stream of a handle; zero is the default stream.
///
/// Whoever names a handle vouches for it, as in DLPack: it is of this device's primary context and exists. A
/// buffer is lent to it at once and never touches it again.
pub(crate) fn of_handle(pinner: &Pinner, handle: u64) -> Option<Arc<CudaStream>> {
    let handle = match handle {
        0 => LEGACY,
        handle => handle,
    };
    let context = pinner.context()?;
    // SAFETY: the caller from Python vouches for the handle, as above.
    Some(unsafe { context.wrap_borrowed_stream(handle as CUstream) })
}
