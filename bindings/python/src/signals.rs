//! Signals that arrive while a call of Python's waits here: their handlers run, and what they raise ends the wait.
//!
//! Locks: none; what a handler raised is known to its own thread only.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

thread_local! {
    /// Whether this thread is Python's main thread, and the process in which that was asked: a fork can change it.
    static IS_MAIN: Cell<Option<(bool, u32)>> = const { Cell::new(None) };
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    static IS_HANDLING: Cell<bool> = const { Cell::new(false) };
}

/// Does some work detached from the interpreter. Its waits end when a signal handler raises, for instance
/// `KeyboardInterrupt`. Handlers run on Python's main thread only: on any other one nothing wakes to ask.
///
/// # Errors
/// What the handler raised, in place of whatever the work gave.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    if !is_main_thread(py) {
        return Ok(py.detach(work));
    }
    let done = py.detach(|| zenoh_pinned::bindings::interruptible(has_raised, work));
    match RAISED.take() {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// Whether this is the thread of Python's signal handlers.
pub(crate) fn is_main_thread(py: Python<'_>) -> bool {
    let process = std::process::id();
    if let Some((is_main, asked_in)) = IS_MAIN.get()
        && asked_in == process
    {
        return is_main;
    }
    let asked = || -> PyResult<bool> {
        let threading = py.import("threading")?;
        let main = threading.call_method0("main_thread")?.getattr("ident")?;
        threading.call_method0("get_ident")?.eq(main)
    };
    // Where it cannot be told, asking in vain does no harm.
    let is_main = asked().unwrap_or(true);
    IS_MAIN.set(Some((is_main, process)));
    is_main
}

/// Whether this thread waits, with locks of ours, and runs signal handlers in between.
pub(crate) fn is_handling() -> bool {
    IS_HANDLING.get()
}

/// Runs the handlers of what has arrived.
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
