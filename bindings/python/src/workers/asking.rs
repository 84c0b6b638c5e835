//! How requests are made, whoever takes them.

use std::sync::Arc;

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh_pinned_workers::{Payload as Bytes, Priority, Request, RequestError};

use super::{
    errors,
    payload::{Payload, Prepared},
    pending::PendingAnswer,
};
use crate::{
    pool, signals,
    sizes::{Sizes, seconds},
    slot::Slot,
    target::Target,
};

/// The supervisor of this process, or a client of another one's.
pub(super) trait Asks: Send + Sync {
    fn begin(&self, payload: Bytes) -> Request<'_>;
    fn alloc(&self, bytes: usize) -> Result<zenoh_pinned::Slot, RequestError>;
}

impl Asks for zenoh_pinned_workers::Workers {
    fn begin(&self, payload: Bytes) -> Request<'_> {
        self.request(payload)
    }

    fn alloc(&self, bytes: usize) -> Result<zenoh_pinned::Slot, RequestError> {
        Self::alloc(self, bytes)
    }
}

impl Asks for zenoh_pinned_workers::WorkersClient {
    fn begin(&self, payload: Bytes) -> Request<'_> {
        self.request(payload)
    }

    fn alloc(&self, bytes: usize) -> Result<zenoh_pinned::Slot, RequestError> {
        Self::alloc(self, bytes)
    }
}

/// How a request is to be served.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Terms {
    priority: String,
    deadline: Option<f64>,
    key: String,
    in_order_of: String,
    deduplicate: bool,
    attachment: Vec<u8>,
    answer_in: Option<Py<Slot>>,
}

/// Sends a request. The handle is let go detached: where somebody closes meanwhile it is the last one, and waits.
pub(super) fn request<T: Asks>(
    py: Python<'_>,
    asks: impl FnOnce() -> PyResult<Arc<T>>,
    payload: &Bound<'_, PyAny>,
    terms: &Bound<'_, PyAny>,
    target: Target,
) -> PyResult<PendingAnswer> {
    let mut terms: Terms = terms
        .extract()
        .map_err(|error| errors::argument(py, error))?;
    let priority = priority(&terms.priority)?;
    let deadline = terms.deadline.map(seconds).transpose()?;
    let prepared = Prepared::of(payload)?;
    let answer_in = terms.answer_in.take();
    let answer_in = answer_in.as_ref().map(Py::get);
    let asks = asks()?;
    let pending = signals::interruptible(py, move || -> PyResult<_> {
        let payload = prepared.into_payload(|bytes| asks.alloc(bytes));
        let payload = payload.map_err(|error| errors::request(&error))?;
        let mut request = asks.begin(payload).priority(priority);
        if let Some(deadline) = deadline {
            request = request.deadline(deadline);
        }
        if terms.deduplicate {
            request = request.deduplicate();
        }
        // Last: what fails before leaves it as it is.
        if let Some(slot) = answer_in {
            request = request.answer_in(slot.take_unwritten()?);
        }
        let request = request.key(&terms.key).in_order_of(&terms.in_order_of);
        Ok(request.attachment(terms.attachment).send())
    })??;
    Ok(PendingAnswer::of(pending, target))
}

pub(super) fn allocate(
    py: Python<'_>,
    shape: &Sizes,
    dtype: &Bound<'_, PyAny>,
    alloc: impl FnOnce(usize) -> Result<zenoh_pinned::Slot, RequestError> + Send,
) -> PyResult<Slot> {
    pool::allocate_by(py, shape, dtype, |bytes| {
        alloc(bytes).map_err(|error| errors::request(&error))
    })
}

pub(super) fn lay(asks: Arc<impl Asks>, array: &Bound<'_, PyAny>) -> PyResult<Payload> {
    Payload::of_copy(array, move |bytes| asks.alloc(bytes))
}

fn priority(name: &str) -> PyResult<Priority> {
    let found = Priority::ALL.into_iter().find(|known| known.name() == name);
    found.ok_or_else(|| {
        let names = Priority::ALL.map(Priority::name).join(", ");
        PyValueError::new_err(format!("there is no priority {name:?}: use one of {names}"))
    })
}
