//! Streams that are being captured into a graph, and what such a graph keeps.
//!
//! Work on a captured stream is not executed; each launch of the graph executes it. So what a captured copy reads is
//! kept for as long as the graph and everything that was made of it live: by a user object, whose function the driver
//! calls when the last of them has gone. That function may not call the driver.
//!
//! Specified by the CUDA driver API: stream management (capture) and graph management (user objects).

use std::{
    ffi::{c_int, c_uint, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
};

use cudarc::driver::CudaStream;

use super::{DriverError, entries::Graph, error::check, visit::bind};

const ACTIVE: c_uint = 1;
/// `CU_USER_OBJECT_NO_DESTRUCTOR_SYNC`: the function comes from a thread that nobody waits for.
const NO_DESTRUCTOR_SYNC: c_uint = 1;
/// `CU_GRAPH_USER_OBJECT_MOVE`: the graph takes the only reference.
const MOVE: c_int = 1;

/// What a stream does with what is enqueued on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capturing {
    /// Executes it.
    No,
    /// Puts it into a graph.
    Into(CapturedGraph),
    /// It is the default stream, and cannot be used while a stream is captured that it waits for.
    Blocked,
}

/// The graph of a capture that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CapturedGraph(Graph);

/// Where the stream puts what is enqueued on it at this moment. Asking disturbs nothing.
pub(crate) fn capturing(stream: &CudaStream) -> Result<Capturing, DriverError> {
    let entries = bind(stream.context())?;
    let mut status = 0;
    let handle = stream.cu_stream();
    // SAFETY: the place is this function's own; the stream is alive, as it is borrowed.
    let asked = unsafe { (entries.stream_is_capturing)(handle, &raw mut status) };
    match check(asked) {
        Ok(()) if status == 0 => return Ok(Capturing::No),
        Ok(()) => {}
        Err(DriverError::CAPTURE_IMPLICIT) => return Ok(Capturing::Blocked),
        Err(error) => return Err(error),
    }
    let (mut number, mut graph) = (0, std::ptr::null_mut());
    let (mut after, mut count) = (std::ptr::null(), 0);
    // SAFETY: the places are this function's own.
    check(unsafe {
        (entries.stream_capture_info)(
            stream.cu_stream(),
            &raw mut status,
            &raw mut number,
            &raw mut graph,
            &raw mut after,
            &raw mut count,
        )
    })?;
    match status {
        ACTIVE if !graph.is_null() => Ok(Capturing::Into(CapturedGraph(graph))),
        // It has ended meanwhile, or was disturbed: what is enqueued now says so.
        _ => Ok(Capturing::No),
    }
}

/// Calls `kept` when the graph of the stream's capture has gone, with all that was made of it. The call comes from a
/// thread of the driver; from within this function only where it fails.
///
/// # Errors
/// The driver's. `kept` is called in this case too, now or later.
pub(crate) fn keep_with<Kept: FnOnce() + Send + 'static>(
    stream: &CudaStream,
    graph: CapturedGraph,
    kept: Kept,
) -> Result<(), DriverError> {
    let entries = match bind(stream.context()) {
        Ok(entries) => entries,
        Err(error) => {
            kept();
            return Err(error);
        }
    };
    let data = Box::into_raw(Box::new(kept));
    let mut object = std::ptr::null_mut();
    // SAFETY: the place is this function's own; the function takes the box, once, as the driver calls it once.
    let made = check(unsafe {
        (entries.user_object_create)(
            &raw mut object,
            data.cast(),
            Some(call::<Kept>),
            1,
            NO_DESTRUCTOR_SYNC,
        )
    });
    if let Err(error) = made {
        // SAFETY: the driver has not taken the box.
        let kept = unsafe { Box::from_raw(data) };
        kept();
        return Err(error);
    }
    // SAFETY: the graph is that of a capture that goes on, the object was made just now.
    let retained = check(unsafe { (entries.graph_retain)(graph.0, object, 1, MOVE) });
    retained.inspect_err(|_| {
        // SAFETY: the reference is still this function's.
        let _ = unsafe { (entries.user_object_release)(object, 1) };
    })
}

unsafe extern "C" fn call<Kept: FnOnce() + Send + 'static>(data: *mut c_void) {
    // SAFETY: the driver hands over what `keep_with` gave it, once.
    let kept = unsafe { Box::from_raw(data.cast::<Kept>()) };
    // Nothing may unwind into the driver; what a panic leaves is kept for ever.
    let _ = catch_unwind(AssertUnwindSafe(kept));
}
