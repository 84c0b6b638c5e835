//! The process that something belongs to.

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use zenoh_pinned::bindings::MadeHere;

/// Remembers the process that made an object: sessions, pools and registrations do not survive a fork.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MadeIn(MadeHere);

impl MadeIn {
    pub(crate) fn this_process() -> Self {
        Self(MadeHere::now())
    }

    /// Drops what waits for other threads when it goes: detached from the interpreter, and not at all in a
    /// forked child, which does not have those threads.
    pub(crate) fn drop_here<T: Send>(self, value: T) {
        if self.check().is_err() {
            return std::mem::forget(value);
        }
        let mut value = Some(value);
        let detached = Python::try_attach(|py| py.detach(|| drop(value.take())));
        if detached.is_none() {
            // The interpreter is ending, so nobody else is held up.
            drop(value);
        }
    }

    /// # Errors
    /// `RuntimeError` in a forked child.
    pub(crate) fn check(self) -> PyResult<()> {
        match self.0.holds() {
            true => Ok(()),
            false => Err(PyRuntimeError::new_err(format!(
                "this was made in process {}, of which this is a fork, and belongs to it: start workers with \
                 multiprocessing's 'spawn' or 'forkserver' method, and make it there",
                self.0.process()
            ))),
        }
    }
}
