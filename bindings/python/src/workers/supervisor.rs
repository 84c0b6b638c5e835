//! The supervisor of a pool of workers.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use pyo3::prelude::*;
use zenoh_pinned_workers as workers;

use super::{
    asking, errors,
    events::{Events, Telling},
    payload::Payload,
    pending::PendingAnswer,
    terms::{Terms, told_by},
};
use crate::{
    open::Open,
    signals,
    sizes::{Sizes, amount, seconds},
    slot::Slot,
    target::Target,
    zenoh::Session,
};

/// How often a wait asks whether it is to end.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The native part of `zenoh_pinned.workers.Workers`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Workers {
    workers: Open<Arc<workers::Workers>>,
    target: Target,
}

impl Workers {
    fn get(&self) -> PyResult<Arc<workers::Workers>> {
        self.workers.get_here(errors::forked)
    }
}

#[pymethods]
impl Workers {
    /// The pool, and what tells of it where `wants_events`.
    #[staticmethod]
    fn begin(
        py: Python<'_>,
        name: &str,
        session: &Session,
        terms: &Bound<'_, PyAny>,
        wants_events: bool,
    ) -> PyResult<(Self, Option<Events>)> {
        if zenoh_pinned::bindings::zenoh_is_inherited() {
            return Err(errors::build(workers::BuildError::Forked));
        }
        let (session, target) = session.handle()?;
        let terms: Terms<'_> = terms
            .extract()
            .map_err(|error| errors::argument(py, error))?;
        let tells_completed = terms.tells_completed();
        let mut builder = terms.builder(name)?;
        let mut events = None;
        if wants_events {
            let (telling, told) = Telling::new();
            builder = told_by(builder, &Arc::new(telling), tells_completed);
            events = Some(told);
        }
        let begun = py
            .detach(|| builder.build(&session))
            .map_err(errors::build)?;
        let closed = "the workers are closed: make others";
        let workers = Open::new(Arc::new(begun), closed);
        Ok((Self { workers, target }, events))
    }

    fn request(
        &self,
        py: Python<'_>,
        payload: &Bound<'_, PyAny>,
        terms: &Bound<'_, PyAny>,
    ) -> PyResult<PendingAnswer> {
        asking::request(py, || self.get(), payload, terms, self.target)
    }

    fn allocate(&self, py: Python<'_>, shape: Sizes, dtype: &Bound<'_, PyAny>) -> PyResult<Slot> {
        let workers = self.get()?;
        asking::allocate(py, &shape, dtype, move |bytes| workers.alloc(bytes))
    }

    /// The payload of a slot that nobody writes any more.
    fn fill(&self, slot: &Bound<'_, Slot>) -> PyResult<Payload> {
        Payload::of_slot(slot.get())
    }

    /// A copy of an array, in a slot.
    fn lay(&self, array: &Bound<'_, PyAny>) -> PyResult<Payload> {
        asking::lay(self.get()?, array)
    }

    /// What there is and what has happened, as JSON.
    fn statistics(&self, py: Python<'_>) -> PyResult<String> {
        let workers = self.get()?;
        let written = py.detach(move || serde_json::to_string(&workers.statistics()));
        written.map_err(|error| errors::misuse(&error.to_string()))
    }

    fn wait_until_ready(&self, py: Python<'_>, count: i128, timeout: f64) -> PyResult<bool> {
        let (count, timeout) = (amount("workers", count)?, seconds(timeout)?);
        let until = Instant::now() + timeout;
        loop {
            // In pieces, each with a handle of its own: somebody may close meanwhile.
            let workers = self.get()?;
            let left = until.saturating_duration_since(Instant::now());
            let ready = signals::interruptible(py, move || {
                workers.wait_until_ready(count, left.min(ASK_EVERY))
            })?;
            if ready || left <= ASK_EVERY {
                return Ok(ready);
            }
        }
    }

    fn evict_idle(&self, py: Python<'_>) -> PyResult<usize> {
        let workers = self.get()?;
        Ok(py.detach(move || workers.evict_idle()))
    }

    /// Ends the workers. What a signal handler raises ends the wait, not the closing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(workers) = self.workers.take() else {
            return Ok(());
        };
        signals::interruptible(py, || {
            let (done, ended) = sync_channel::<()>(1);
            let closing = std::thread::Builder::new().name(String::from("zpin-closing"));
            let started = closing.spawn(move || {
                // Calls of other threads end by themselves, and soon.
                let patience = Instant::now() + Duration::from_secs(2);
                while Arc::strong_count(&workers) > 1 && Instant::now() < patience {
                    std::thread::sleep(Duration::from_millis(1));
                }
                drop(workers);
                drop(done);
            });
            // Where there is no thread for it, it has been done here.
            while started.is_ok() && ended.recv_timeout(ASK_EVERY) == Err(RecvTimeoutError::Timeout)
            {
                if zenoh_pinned::bindings::is_interrupted() {
                    return;
                }
            }
        })
    }
}
