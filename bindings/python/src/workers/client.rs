//! A client of workers that another process supervises.

use std::sync::Arc;

use pyo3::prelude::*;
use zenoh_pinned_workers as workers;

use super::{asking, errors, payload::Payload, pending::PendingAnswer};
use crate::{
    open::Open,
    signals,
    sizes::{Sizes, seconds},
    slot::Slot,
    target::Target,
    zenoh::Session,
};

/// The native part of `zenoh_pinned.workers.Client`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct WorkersClient {
    client: Open<Arc<workers::WorkersClient>>,
    target: Target,
}

impl WorkersClient {
    fn get(&self) -> PyResult<Arc<workers::WorkersClient>> {
        self.client.get_here(errors::forked)
    }
}

#[pymethods]
impl WorkersClient {
    #[new]
    fn connect(py: Python<'_>, session: &Session, name: &str, timeout: f64) -> PyResult<Self> {
        let (session, target) = session.handle()?;
        let timeout = seconds(timeout)?;
        let connect = || workers::WorkersClient::connect(&session, name, timeout);
        let client = signals::interruptible(py, connect)?.map_err(errors::connect)?;
        Ok(Self {
            client: Open::new(
                Arc::new(client),
                "the client is closed: connect another one",
            ),
            target,
        })
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
        let client = self.get()?;
        asking::allocate(py, &shape, dtype, move |bytes| client.alloc(bytes))
    }

    /// The payload of a slot that nobody writes any more.
    fn fill(&self, slot: &Bound<'_, Slot>) -> PyResult<Payload> {
        Payload::of_slot(slot.get())
    }

    /// A copy of an array, in a slot.
    fn lay(&self, array: &Bound<'_, PyAny>) -> PyResult<Payload> {
        asking::lay(self.get()?, array)
    }

    #[getter]
    fn is_gone(&self) -> PyResult<bool> {
        Ok(self.get()?.is_gone())
    }

    #[getter]
    fn shares_memory(&self) -> PyResult<bool> {
        Ok(self.get()?.shares_memory())
    }

    fn close(&self, py: Python<'_>) {
        let client = self.client.take();
        py.detach(|| drop(client));
    }
}
