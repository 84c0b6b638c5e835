//! Panics of the crates below: faults, or limits of the system that they have no error for.
//!
//! Invariant: none is told with places of the machine that built this library, unless `RUST_BACKTRACE` asks for it; and
//! where one is to be expected it is an error of Python's, which ``except Exception`` catches.

use std::{
    any::Any,
    io::{self, Write},
    panic::{self, AssertUnwindSafe, catch_unwind},
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// From now on prints what a panic of this library says in one line. Other extensions have their own.
pub(crate) fn in_one_line() {
    let is_asked_for = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    if is_asked_for {
        return;
    }
    panic::set_hook(Box::new(|info| {
        // Standard error may be closed, and nobody is left to tell then.
        let _ = writeln!(
            io::stderr(),
            "zenoh_pinned: panic: {} (RUST_BACKTRACE=1 tells where)",
            text(info.payload())
        );
    }));
}

/// Does work of zenoh's that panics where the system has no thread or memory left.
///
/// # Errors
/// `RuntimeError`: it panicked.
pub(crate) fn as_error<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|payload| {
        Err(PyRuntimeError::new_err(format!(
            "zenoh failed: {}",
            text(payload.as_ref())
        )))
    })
}

fn text(payload: &dyn Any) -> &str {
    let fixed = payload.downcast_ref::<&str>().copied();
    let formatted = payload.downcast_ref::<String>().map(String::as_str);
    fixed.or(formatted).unwrap_or("of unknown cause")
}
