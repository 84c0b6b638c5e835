//! Signals that arrive while a call of Python's waits here: their handlers run, and what they raise ends the wait.
//!
//! Locks: none; what a handler raised is known to its own thread only.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

thread_local! {
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    static IS_HANDLING: Cell<bool> = const { Cell::new(false) };
}

/// Does some work detached from the interpreter. Its waits end when a signal handler raises, for instance
/// `KeyboardInterrupt`.
///
/// # Errors
/// What the handler raised, in place of whatever the work gave.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let done = py.detach(|| zenoh_pinned::interruptible(has_raised, work));
    match RAISED.take() {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// Whether this thread waits, with locks of ours, and runs signal handlers in between.
pub(crate) fn is_handling() -> bool {
    IS_HANDLING.get()
}

/// Runs the handlers of what has arrived, on Python's main thread; elsewhere there is nothing to run.
fn has_raised() -> bool {
    let outside = IS_HANDLING.replace(true);
    let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
    IS_HANDLING.set(outside);
    let has_raised = raised.is_some();
    if has_raised {
        RAISED.replace(raised);
    }
    has_raised
}
