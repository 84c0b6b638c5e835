//! What a pool of workers tells the application, in a queue that a thread of Python's empties.
//!
//! Locks: one mutex around the queue. Whoever tells never waits, for the interpreter least of all: where nobody takes what
//! is told, the oldest makes room.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyNone, PyTuple},
};
use zenoh_pinned_workers::{Completed, RequestError, WorkerEvent};

use super::errors;

/// Events that wait at most.
const CAPACITY: usize = 16_384;

/// What has happened.
pub(super) enum Event {
    Worker(&'static str, WorkerEvent, Option<String>),
    Completed {
        priority: &'static str,
        took: f64,
        error: Option<RequestError>,
    },
}

impl Event {
    pub(super) fn of_completed(completed: &Completed) -> Self {
        Self::Completed {
            priority: completed.priority.name(),
            took: completed.took.as_secs_f64(),
            error: completed.error.clone(),
        }
    }

    /// The name of the callback, what it is of, and the reason or error.
    fn into_tuple(self, py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        let (name, what, more) = match self {
            Self::Worker(name, event, reason) => {
                let what = (&*event.pool, event.seat, event.incarnation, event.pid);
                (
                    name,
                    what.into_bound_py_any(py)?,
                    reason.into_bound_py_any(py)?,
                )
            }
            Self::Completed {
                priority,
                took,
                error,
            } => {
                let error = match error {
                    Some(error) => errors::request(&error)
                        .into_value(py)
                        .into_bound_py_any(py)?,
                    None => PyNone::get(py).to_owned().into_any(),
                };
                ("complete", (priority, took).into_bound_py_any(py)?, error)
            }
        };
        (name, what, more).into_pyobject(py)
    }
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    is_ended: bool,
    lost: u64,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that tells. There are no more events once the last one of these has gone.
pub(super) struct Telling(Arc<Queue>);

impl Telling {
    pub(super) fn new() -> (Self, Events) {
        let queue = Arc::<Queue>::default();
        (Self(queue.clone()), Events(queue))
    }

    pub(super) fn tell(&self, event: Event) {
        let mut state = self.0.lock();
        let oldest = match state.events.len() < CAPACITY {
            true => None,
            false => state.events.pop_front(),
        };
        state.lost += u64::from(oldest.is_some());
        let is_first_lost = oldest.is_some() && state.lost == 1;
        state.events.push_back(event);
        drop(state);
        self.0.changed.notify_one();
        if is_first_lost {
            tracing::warn!(
                "callbacks of workers take longer than what they are told of: some are not called"
            );
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.lock().is_ended = true;
        self.0.changed.notify_all();
    }
}

/// The end that a thread of Python's empties.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "WorkersEvents")]
pub(crate) struct Events(Arc<Queue>);

#[pymethods]
impl Events {
    /// The next event, waiting for it: the name of the callback, what it is of, and the reason or error.
    ///
    /// `None` at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let event = py.detach(|| {
            let mut state = self.0.lock();
            loop {
                match (state.events.pop_front(), state.is_ended) {
                    (Some(event), _) => return Some(event),
                    (None, true) => return None,
                    (None, false) => {
                        let waited = self.0.changed.wait(state);
                        state = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                }
            }
        });
        event.map(|event| event.into_tuple(py)).transpose()
    }
}
