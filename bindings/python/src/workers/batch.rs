//! What a worker is given, and what exceptions say in place of answers.

use std::sync::{Mutex, PoisonError};

use pyo3::{
    exceptions::PyBaseException,
    prelude::*,
    types::{PyList, PyTuple},
};
use zenoh_pinned_workers as workers;

use super::payload::frame_of;
use crate::{frame::Beside, process::MadeIn, target::Target};

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
                let beside = Beside {
                    attachment: Some(request.attachment.clone()),
                    ..Beside::default()
                };
                let left = request
                    .deadline
                    .saturating_duration_since(now)
                    .as_secs_f64();
                frame_of(request.payload.clone(), self.target, beside).map(|frame| (frame, left))
            });
            requests.collect::<PyResult<Vec<_>>>()
        });
        let read = read?.into_iter().map(|request| request.into_pyobject(py));
        let read: Vec<Bound<'py, PyTuple>> = read.collect::<PyResult<_>>()?;
        PyList::new(py, read)
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
