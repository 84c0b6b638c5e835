//! Calls on threads of the application that leave no trace there.
//!
//! Each thread has a current context and a stream capture mode. Both are the caller's: a call of this library finds
//! them, changes them, and puts them back, also where no context was current. In the relaxed mode the driver lets calls
//! through that can be unsafe beside a capture, and disturbs none. No call of ours is unsafe: all of them are about
//! memory, streams and events that belong to no capture (`capture` looks at the stream first).
//!
//! Specified by the CUDA driver API: `cuCtxSetCurrent`, `cuThreadExchangeStreamCaptureMode`.

use std::{ffi::c_uint, marker::PhantomData};

use cudarc::driver::{CudaContext, sys::CUcontext};

use super::{
    entries::{Entries, entries},
    error::{DriverError, check},
};

const RELAXED: c_uint = 2;
/// Of `cuStreamCreate`: no implicit order with the default stream.
pub(super) const NON_BLOCKING: c_uint = 1;

/// The calling thread's context and mode, put back when dropped. Where no driver was loaded there is nothing to keep.
pub(crate) struct Visit {
    entries: Option<&'static Entries>,
    context: CUcontext,
    mode: c_uint,
    /// It is about the thread that made it.
    _of_this_thread: PhantomData<*const ()>,
}

impl Visit {
    pub(crate) fn begin() -> Self {
        let entries = entries().ok();
        let (mut context, mut mode) = (std::ptr::null_mut(), RELAXED);
        if let Some(entries) = entries {
            // SAFETY: both places are this function's own. Before the driver was initialised there is no context, and
            // the place stays null.
            unsafe {
                let _ = (entries.context_current)(&raw mut context);
                let _ = (entries.thread_exchange_mode)(&raw mut mode);
            }
        }
        Self {
            entries,
            context,
            mode,
            _of_this_thread: PhantomData,
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Some(entries) = self.entries else {
            return;
        };
        let mut now = std::ptr::null_mut();
        // SAFETY: the places are this function's own; the context was current, so it is one, and whoever made it
        // keeps it. Null makes none current.
        unsafe {
            let _ = (entries.thread_exchange_mode)(&raw mut self.mode);
            if (entries.context_current)(&raw mut now) == 0 && now != self.context {
                let _ = (entries.context_make_current)(self.context);
            }
        }
    }
}

/// Makes the calling thread, one of this library's own, disturb nobody's capture from now on.
pub(crate) fn relax_this_thread() {
    if let Ok(entries) = entries() {
        let mut mode = RELAXED;
        // SAFETY: the place is this function's own.
        let _ = unsafe { (entries.thread_exchange_mode)(&raw mut mode) };
    }
}

/// Makes the context current for the calling thread.
///
/// Unlike cudarc's `bind_to_thread` this leaves the errors alone that other calls have put into the context: they
/// belong to whoever made those calls.
pub(super) fn bind(context: &CudaContext) -> Result<&'static Entries, DriverError> {
    let entries = entries()?;
    let mut current = std::ptr::null_mut();
    // SAFETY: the place is this function's own.
    check(unsafe { (entries.context_current)(&raw mut current) })?;
    if current != context.cu_ctx() {
        // SAFETY: the context is alive, as it is borrowed.
        check(unsafe { (entries.context_make_current)(context.cu_ctx()) })?;
    }
    Ok(entries)
}

/// Runs code of cudarc's, which leaves errors in the context that it could not return, and gives those of this code
/// alone. What others had left there is left there for them.
pub(super) fn apart<T>(
    context: &CudaContext,
    work: impl FnOnce() -> T,
) -> (T, Result<(), DriverError>) {
    let others = context.check_err();
    let done = work();
    let own = context.check_err();
    context.record_err(others);
    (done, own.map_err(DriverError::from))
}
