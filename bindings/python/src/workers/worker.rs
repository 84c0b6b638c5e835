//! A worker, which serves batches.
//!
//! Who may write what: the thread that serves has the worker while it waits for a batch; in between any thread of the
//! engine may allocate.
//!
//! Locks: one mutex around the worker, held while a slot is allocated, never while a batch is waited for.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyList},
};
use zenoh_pinned::bindings::Termination;
use zenoh_pinned_workers as workers;

use super::{
    asking,
    batch::{Batch, described, failure_of},
    errors,
    payload::{Payload, Prepared},
};
use crate::{
    errors as errors_of_memory, pinners,
    process::MadeIn,
    signals,
    sizes::Sizes,
    slot::Slot,
    target::{Target, Wish},
    words,
    zenoh::Session,
};

/// How often a worker that has nothing to do looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The signals that ask this process to end, for as long as a worker of it serves: there is one arrangement in a process.
static EXPECTED: Mutex<Weak<Termination>> = Mutex::new(Weak::new());

fn expect_termination() -> PyResult<Arc<Termination>> {
    let mut expected = EXPECTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(termination) = expected.upgrade() {
        return Ok(termination);
    }
    let termination = Termination::expect();
    let termination =
        termination.map_err(|error| errors::worker(workers::WorkerError::Signals(error)))?;
    let termination = Arc::new(termination);
    *expected = Arc::downgrade(&termination);
    Ok(termination)
}

/// The native part of `zenoh_pinned.workers.Worker`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Worker {
    worker: Mutex<Option<workers::Worker>>,
    termination: Mutex<Option<Arc<Termination>>>,
    /// Somebody has closed it, perhaps while another thread waits for a batch.
    is_closing: AtomicBool,
    name: String,
    target: Target,
    made_in: MadeIn,
}

impl Worker {
    fn new(worker: workers::Worker, target: Target) -> Self {
        Self {
            name: worker.name().to_owned(),
            worker: Mutex::new(Some(worker)),
            termination: Mutex::default(),
            is_closing: AtomicBool::new(false),
            target,
            made_in: MadeIn::this_process(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<workers::Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn termination(&self) -> MutexGuard<'_, Option<Arc<Termination>>> {
        let termination = self.termination.lock();
        termination.unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> PyResult<workers::Worker> {
        self.made_in.check().map_err(errors::forked)?;
        self.lock().take().ok_or_else(not_here)
    }

    fn put_back(&self, worker: workers::Worker) {
        *self.lock() = Some(worker);
    }

    fn alloc(&self, bytes: usize) -> Result<zenoh_pinned::Slot, workers::RequestError> {
        match &*self.lock() {
            Some(worker) => worker.alloc(bytes),
            None => Err(workers::RequestError::Closing),
        }
    }
}

fn not_here() -> PyErr {
    errors::misuse(
        "the worker is closed, or waits for a batch on another thread: use it in its engine, or connect another one",
    )
}

impl Drop for Worker {
    fn drop(&mut self) {
        let worker = self.lock().take();
        self.made_in.drop_here(worker);
    }
}

#[pymethods]
impl Worker {
    /// The worker of the supervisor that has started this process.
    #[staticmethod]
    fn connect(py: Python<'_>, device: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        if zenoh_pinned::bindings::zenoh_is_inherited() {
            return Err(errors::build(workers::BuildError::Forked));
        }
        let wish = Wish::of(device)?;
        let (worker, target) = signals::interruptible(py, || {
            let target = pinners::target_of(wish);
            let pinner = pinners::get(target);
            if let (Wish::Exactly(Target::Cuda(_)), Some(reason)) = (wish, pinner.reason()) {
                return Err(errors_of_memory::NoDevice::new_err(format!(
                    "{}: use device='auto' where the host will do",
                    words::in_python(&reason.to_string())
                )));
            }
            let worker = workers::Worker::connect_for(&pinner).map_err(errors::worker)?;
            Ok((worker, target))
        })??;
        Ok(Self::new(worker, target))
    }

    /// A worker that joins a pool by a session.
    #[staticmethod]
    fn join(py: Python<'_>, session: &Session, name: &str) -> PyResult<Self> {
        let (session, target) = session.handle()?;
        let join = || workers::Worker::join(&session, name, &pinners::get(target));
        let worker = signals::interruptible(py, join)?.map_err(errors::worker)?;
        Ok(Self::new(worker, target))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Says that it is ready.
    ///
    /// On the main thread, signals that ask the process to end are only noted from now on.
    fn ready(&self, py: Python<'_>) -> PyResult<()> {
        let mut worker = self.take()?;
        if signals::is_main_thread(py) {
            match expect_termination() {
                Ok(termination) => *self.termination() = Some(termination),
                Err(error) => {
                    self.put_back(worker);
                    return Err(error);
                }
            }
        }
        let said = py.detach(|| worker.ready());
        self.put_back(worker);
        said.map_err(errors::worker)
    }

    /// The next batch, waiting for it; `None` where the worker is to end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let mut worker = self.take()?;
        let termination = self.termination().clone();
        let is_to_end = || {
            let asked = termination.as_ref();
            asked.is_some_and(|asked| asked.is_asked_for())
                || self.is_closing.load(Ordering::Relaxed)
        };
        let next = signals::interruptible(py, || {
            loop {
                if is_to_end() || zenoh_pinned::bindings::is_interrupted() {
                    return Ok(None);
                }
                if worker.is_alone() {
                    return Err(workers::WorkerError::SupervisorGone);
                }
                match worker.next(LOOK_EVERY)? {
                    workers::Next::Batch(batch) => return Ok(Some(batch)),
                    workers::Next::Nothing => {}
                    workers::Next::Leave => return Ok(None),
                }
            }
        });
        self.put_back(worker);
        let batch = next?.map_err(errors::worker)?;
        Ok(batch.map(|batch| Batch::new(batch, self.target)))
    }

    /// Answers a batch: with payloads and the bytes beside them, and exceptions where there are none.
    ///
    /// Gives what is neither, as (number, exception). `broken` says that the engine itself is.
    #[pyo3(signature = (batch, answers, broken = false))]
    fn answer<'py>(
        &self,
        py: Python<'py>,
        batch: &Bound<'py, Batch>,
        answers: Vec<(Bound<'py, PyAny>, Bound<'py, PyBytes>)>,
        broken: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let mistakes = PyList::empty(py);
        let batch = batch.get().take();
        let Some(batch) = batch else {
            return Ok(mistakes);
        };
        let mut prepared = Vec::with_capacity(answers.len());
        for (number, (answer, attachment)) in answers.iter().enumerate() {
            if let Some(failure) = failure_of(answer)? {
                prepared.push(Err(match broken {
                    true => workers::EngineError::broken(failure),
                    false => workers::EngineError::from(failure),
                }));
                continue;
            }
            prepared.push(match Prepared::of(answer) {
                Ok(prepared) => Ok((prepared, attachment.as_bytes().to_vec())),
                Err(error) => {
                    let error = error.value(py);
                    mistakes.append((number, error))?;
                    Err(workers::EngineError::from(described(error.as_any())?))
                }
            });
        }
        let mut worker = self.take()?;
        let sent = signals::interruptible(py, || {
            let answers = prepared.into_iter().enumerate().map(|(number, prepared)| {
                let (prepared, attachment) = prepared?;
                let laid = prepared.into_answer(batch.get(number), |bytes| worker.alloc(bytes));
                Ok(laid?.attach(attachment))
            });
            let answers = answers.collect();
            worker.answer(batch, answers)
        });
        self.put_back(worker);
        sent?.map_err(errors::worker)?;
        Ok(mistakes)
    }

    fn allocate(&self, py: Python<'_>, shape: Sizes, dtype: &Bound<'_, PyAny>) -> PyResult<Slot> {
        self.made_in.check().map_err(errors::forked)?;
        asking::allocate(py, &shape, dtype, |bytes| self.alloc(bytes))
    }

    /// The payload of a slot that nobody writes any more.
    fn fill(&self, slot: &Bound<'_, Slot>) -> PyResult<Payload> {
        Payload::of_slot(slot.get())
    }

    /// The first bytes of a slot for an answer, that nobody writes any more.
    fn fill_answer(&self, slot: &Bound<'_, Slot>, nbytes: usize) -> PyResult<Payload> {
        Payload::of_answer_slot(slot.get(), nbytes)
    }

    /// A copy of an array, in a slot.
    fn lay(&self, array: &Bound<'_, PyAny>) -> PyResult<Payload> {
        Payload::of_copy(array, |bytes| self.alloc(bytes))
    }

    /// Says why it cannot serve, and ends.
    fn fail(&self, py: Python<'_>, why: String) -> PyResult<()> {
        let worker = self.take()?;
        py.detach(|| worker.fail(why));
        Ok(())
    }

    fn close(&self, py: Python<'_>) {
        if self.made_in.check().is_err() {
            return;
        }
        self.is_closing.store(true, Ordering::Relaxed);
        let worker = self.lock().take();
        let termination = worker.as_ref().and_then(|_| self.termination().take());
        py.detach(|| drop((worker, termination)));
    }
}
