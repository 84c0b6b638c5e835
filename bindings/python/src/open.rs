//! What is open until it is closed, in the process that made it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::{exceptions::PyConnectionError, prelude::*};

use crate::process::MadeIn;

/// A session, publisher or subscriber of the crates below, until somebody closes it.
///
/// Locks: one mutex, held for a few assignments. Whoever uses what is open has a handle of its own.
///
/// Invariant: a forked child neither uses it nor lets it go, which would wait for threads that the child does not have.
pub(crate) struct Open<T: Send> {
    open: Mutex<Option<T>>,
    /// What to say once it is closed.
    closed: &'static str,
    made_in: MadeIn,
}

impl<T: Clone + Send> Open<T> {
    pub(crate) fn new(open: T, closed: &'static str) -> Self {
        Self {
            open: Mutex::new(Some(open)),
            closed,
            made_in: MadeIn::this_process(),
        }
    }

    /// A handle of it.
    ///
    /// # Errors
    /// `ConnectionError`: it is closed; `RuntimeError` in a forked child.
    pub(crate) fn get(&self) -> PyResult<T> {
        self.made_in.check()?;
        let open = self.lock().clone();
        open.ok_or_else(|| PyConnectionError::new_err(self.closed))
    }

    /// The same, with an error of the caller's own in a forked child.
    pub(crate) fn get_here(&self, forked: impl FnOnce(PyErr) -> PyErr) -> PyResult<T> {
        match self.made_in.check() {
            Ok(()) => self.get(),
            Err(error) => Err(forked(error)),
        }
    }
}

impl<T: Send> Open<T> {
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes it: what was open, to be let go with the interpreter detached. `None` where it had been closed, or in a
    /// forked child.
    pub(crate) fn take(&self) -> Option<T> {
        self.made_in.check().ok()?;
        self.lock().take()
    }
}

impl<T: Send> Drop for Open<T> {
    fn drop(&mut self) {
        let open = self.lock().take();
        self.made_in.drop_here(open);
    }
}
