//! What a worker is given, and what exceptions say in place of answers.

use std::sync::{Mutex, PoisonError};

use pyo3::{
    exceptions::{PyBaseException, PyValueError},
    prelude::*,
    types::{PyList, PyTuple},
};
use zenoh_pinned_workers as workers;

use super::{errors, payload::frame_of};
use crate::{
    element::Element,
    process::MadeIn,
    shape::count,
    sizes::{Sizes, tuple},
    slot::Slot,
    target::Target,
};

/// Requests that a worker has been given, until they are answered.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "WorkersBatch")]
pub(crate) struct Batch {
    batch: Mutex<Option<workers::Batch>>,
    target: Target,
    made_in: MadeIn,
}

impl Drop for Batch {
    fn drop(&mut self) {
        let batch = self.batch.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.made_in.drop_here(batch.take());
    }
}

#[pymethods]
impl Batch {
    /// How many requests there are; none once they are answered.
    fn __len__(&self) -> usize {
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.as_ref().map_or(0, |batch| batch.len())
    }

    /// The frame of each request, and for how many seconds its answer is wanted.
    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let read = py.detach(|| {
            let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
            let now = std::time::Instant::now();
            let requests = batch.iter().flat_map(|batch| batch.iter());
            let requests = requests.map(|request| {
                let attachment = request.attachment.clone();
                let left = request
                    .deadline
                    .saturating_duration_since(now)
                    .as_secs_f64();
                frame_of(request.payload.clone(), self.target, attachment)
                    .map(|frame| (frame, left))
            });
            requests.collect::<PyResult<Vec<_>>>()
        });
        let read = read?.into_iter().map(|request| request.into_pyobject(py));
        let read: Vec<Bound<'py, PyTuple>> = read.collect::<PyResult<_>>()?;
        PyList::new(py, read)
    }

    /// Where the answer to this request is to be written: of this shape, or one dimension of all of it.
    ///
    /// Once; `None` where nobody has provided it, and when the batch is answered.
    fn answer_slot(
        &self,
        number: usize,
        shape: Option<Sizes>,
        dtype: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Slot>> {
        self.made_in.check().map_err(errors::forked)?;
        let element = Element::of_dtype(dtype)?;
        let shape = shape.map(|shape| shape.exact()).transpose()?;
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let request = batch.as_ref().and_then(|batch| batch.get(number));
        let Some(slot) = request.and_then(workers::BatchRequest::answer_slot) else {
            return Ok(None);
        };
        let shape = shape.unwrap_or_else(|| vec![slot.len() / element.bytes]);
        let bytes = count(&shape).and_then(|count| count.checked_mul(element.bytes));
        if !bytes.is_some_and(|bytes| (1..=slot.len()).contains(&bytes)) {
            return Err(PyValueError::new_err(format!(
                "an answer of {} bytes is to be written here, which is no place for an array of {} and shape {}",
                slot.len(),
                element.name,
                tuple(&shape)
            )));
        }
        // SAFETY: the package ends it before the batch is answered. What can be written through then is a view that was
        // kept, and nobody else reads its bytes: such a slot is never an answer, and it is the view's until that goes.
        let slot = unsafe { slot.unbound() };
        Ok(Some(Slot::of_answer(slot, element, shape)))
    }
}

impl Batch {
    pub(super) fn new(batch: workers::Batch, target: Target) -> Self {
        Self {
            batch: Mutex::new(Some(batch)),
            target,
            made_in: MadeIn::this_process(),
        }
    }

    /// The batch, to be answered; once.
    pub(super) fn take(&self) -> Option<workers::Batch> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.take()
    }
}

/// What an exception says that stands in place of an answer.
pub(super) fn failure_of(answer: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    match answer.is_instance_of::<PyBaseException>() {
        true => described(answer).map(Some),
        false => Ok(None),
    }
}

/// An exception in words, as Python prints it.
pub(super) fn described(error: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = error.get_type().name()?;
    let text = error.str()?.to_string();
    Ok(match text.is_empty() {
        true => class.to_string(),
        false => format!("{class}: {text}"),
    })
}
