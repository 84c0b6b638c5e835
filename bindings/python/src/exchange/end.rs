//! One end of a region, until it is closed.

use std::sync::{
    Mutex, MutexGuard, TryLockError,
    atomic::{AtomicU64, Ordering},
};

use pyo3::prelude::*;
use zenoh_pinned_exchange::ReadError;

use super::errors;
use crate::process::MadeIn;

/// An end of the crate below, which one thread may use at a time.
pub(super) struct End<T> {
    open: Mutex<Option<T>>,
    /// How often there was a message and none could be read.
    overruns: AtomicU64,
    made_in: MadeIn,
}

impl<T> End<T> {
    pub(super) fn new(open: T) -> Self {
        Self {
            open: Mutex::new(Some(open)),
            overruns: AtomicU64::new(0),
            made_in: MadeIn::this_process(),
        }
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, Option<T>>> {
        match self.open.try_lock() {
            Ok(open) => Ok(open),
            // It holds numbers and records, which are whole between any two statements.
            Err(TryLockError::Poisoned(open)) => Ok(open.into_inner()),
            Err(TryLockError::WouldBlock) => {
                // A thread that had it when this process was forked is not here to give it back.
                self.check_process()?;
                Ok(self.open.lock().unwrap_or_else(|open| open.into_inner()))
            }
        }
    }

    /// One call of the end. It must not call Python.
    ///
    /// # Errors
    /// `ExchangeClosed`.
    pub(super) fn call<R>(&self, call: impl FnOnce(&mut T) -> R) -> PyResult<R> {
        let answer = self.lock()?.as_mut().map(call);
        answer.ok_or_else(errors::closed)
    }

    /// What was read; `None` where nothing is new, or the writer was too fast, which is counted.
    pub(super) fn counted<R>(&self, read: Result<Option<R>, ReadError>) -> PyResult<Option<R>> {
        match read {
            Err(ReadError::Overrun) => {
                self.overruns.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            read => read.map_err(errors::read),
        }
    }

    pub(super) fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }

    /// # Errors
    /// `ExchangeForked`. Where the crate below is asked, it says the same without a system call.
    pub(super) fn check_process(&self) -> PyResult<()> {
        self.made_in.check().map_err(errors::forked)
    }

    /// Closes it; a second call does nothing. In a forked child only its memory is given back.
    pub(super) fn close(&self) {
        let open = self.lock().ok().and_then(|mut open| open.take());
        drop(open);
    }
}
