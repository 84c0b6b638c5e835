//! What wakes an event loop when answers have come: one for each loop, whatever number of answers it awaits.
//!
//! Locks: one mutex around the numbers of what has come, held for a push or a take.

use std::{
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, PoisonError},
};

use pyo3::{exceptions::PyOSError, prelude::*};
use rustix::event::{EventfdFlags, eventfd};

/// Something an event loop can look at, and the numbers of the answers that have come.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "WorkersBell")]
pub(crate) struct Bell(Arc<Inner>);

pub(super) struct Inner {
    readable: OwnedFd,
    rung_for: Mutex<Vec<u64>>,
}

impl Bell {
    pub(super) fn inner(&self) -> Arc<Inner> {
        self.0.clone()
    }
}

impl Inner {
    /// From any thread.
    pub(super) fn ring(&self, number: u64) {
        let mut rung_for = self.rung_for.lock().unwrap_or_else(PoisonError::into_inner);
        rung_for.push(number);
        let is_first = rung_for.len() == 1;
        drop(rung_for);
        if is_first {
            // A counter that is full is readable already.
            let _ = rustix::io::write(&self.readable, &1u64.to_ne_bytes());
        }
    }
}

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Self> {
        let readable = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let readable = readable.map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            readable,
            rung_for: Mutex::default(),
        })))
    }

    /// What becomes readable when an answer has come.
    fn fileno(&self) -> RawFd {
        self.0.readable.as_raw_fd()
    }

    /// The numbers of the answers that have come; makes `fileno` unreadable until the next one.
    fn take(&self) -> Vec<u64> {
        // First, so that what comes meanwhile makes it readable again.
        let _ = rustix::io::read(&self.0.readable, &mut [0; 8]);
        let mut rung_for = self
            .0
            .rung_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rung_for)
    }
}
