//! The process that something belongs to.

use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// Remembers the process that made an object: sessions, pools and registrations do not survive a fork.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MadeIn(u32);

impl MadeIn {
    pub(crate) fn this_process() -> Self {
        Self(std::process::id())
    }

    /// # Errors
    /// `RuntimeError` in a forked child.
    pub(crate) fn check(self) -> PyResult<()> {
        match self.0 == std::process::id() {
            true => Ok(()),
            false => Err(PyRuntimeError::new_err(format!(
                "this was made in process {}, of which this is a fork, and belongs to it: make it anew here, \
                 or start workers with multiprocessing's 'spawn' method",
                self.0
            ))),
        }
    }
}
