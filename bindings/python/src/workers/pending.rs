//! An answer that is to come, for threads and event loops alike.
//!
//! Locks: one mutex around what is known of the answer, one around who is told of it; each held for a few statements.
//!
//! Invariant: whoever waits is told once the answer is there, also where it came before.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use pyo3::prelude::*;
use zenoh_pinned_workers::{Payload, RequestError};

use super::{bell, errors, payload};
use crate::{frame::class::FrameHandle, process::MadeIn, signals, sizes::seconds, target::Target};

/// How often a wait asks whether it is to end.
const ASK_EVERY: Duration = Duration::from_millis(50);

type Outcome = Result<Payload, RequestError>;

/// The native part of `zenoh_pinned.workers.PendingAnswer`.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "WorkersPendingAnswer")]
pub(crate) struct PendingAnswer {
    answer: Mutex<Known>,
    told: Arc<Told>,
    target: Target,
    made_in: MadeIn,
}

enum Known {
    Nothing(zenoh_pinned_workers::PendingAnswer),
    All(Outcome),
    /// Let go.
    Gone,
}

/// Woken by whoever tells the answer.
#[derive(Default)]
struct Told {
    state: Mutex<ToldState>,
    is_told: Condvar,
}

#[derive(Default)]
struct ToldState {
    is_told: bool,
    bells: Vec<(Arc<bell::Inner>, u64)>,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, ToldState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the answer is there within this time; false too where the wait is to end.
    fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let may_end = zenoh_pinned::bindings::may_be_interrupted();
        let mut state = self.lock();
        while !state.is_told {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            let sleep = match (left, may_end) {
                (None, false) => {
                    let waited = self.is_told.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                (left, false) => left.unwrap_or(ASK_EVERY),
                (left, true) => left.unwrap_or(ASK_EVERY).min(ASK_EVERY),
            };
            let waited = self.is_told.wait_timeout(state, sleep);
            let (waited, ended) = waited.unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if ended.timed_out() && may_end && !state.is_told {
                // Not under the lock: it may run any code.
                drop(state);
                if zenoh_pinned::bindings::is_interrupted() {
                    return false;
                }
                state = self.lock();
            }
        }
        true
    }
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        let bells = {
            let mut state = self.lock();
            state.is_told = true;
            std::mem::take(&mut state.bells)
        };
        self.is_told.notify_all();
        for (bell, number) in bells {
            bell.ring(number);
        }
    }
}

impl PendingAnswer {
    pub(super) fn of(pending: zenoh_pinned_workers::PendingAnswer, target: Target) -> Self {
        let this = Self {
            answer: Mutex::new(Known::Nothing(pending)),
            told: Arc::default(),
            target,
            made_in: MadeIn::this_process(),
        };
        // Has it told from now on.
        this.look();
        this
    }

    /// The answer, if it is there.
    fn look(&self) -> Option<Outcome> {
        let mut known = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            Known::All(outcome) => Some(outcome.clone()),
            Known::Gone => None,
            Known::Nothing(pending) => {
                let waker = Waker::from(self.told.clone());
                let polled = std::pin::Pin::new(pending).poll(&mut Context::from_waker(&waker));
                let Poll::Ready(outcome) = polled else {
                    return None;
                };
                *known = Known::All(outcome.clone());
                drop(known);
                self.told.clone().wake();
                Some(outcome)
            }
        }
    }
}

impl Drop for PendingAnswer {
    fn drop(&mut self) {
        let known = self
            .answer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        self.made_in
            .drop_here(std::mem::replace(known, Known::Gone));
    }
}

#[pymethods]
impl PendingAnswer {
    /// The frame of the answer, waiting for it; `None` where it has not come in time.
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<FrameHandle>> {
        self.made_in.check().map_err(errors::forked)?;
        let timeout = timeout.map(seconds).transpose()?;
        let outcome = match self.look() {
            Some(outcome) => Some(outcome),
            None => signals::interruptible(py, || match self.told.wait(timeout) {
                true => self.look(),
                false => None,
            })?,
        };
        match outcome {
            None => Ok(None),
            Some(Err(error)) => Err(errors::request(&error)),
            Some(Ok(answer)) => {
                let (target, attachment) = (self.target, answer.attachment().to_vec());
                py.detach(|| payload::frame_of(answer, target, attachment))
                    .map(Some)
            }
        }
    }

    /// Whether the answer, or why there is none, is there.
    fn done(&self) -> PyResult<bool> {
        self.made_in.check().map_err(errors::forked)?;
        Ok(self.look().is_some())
    }

    /// Has `bell` rung for `number` when the answer is there, at once where it is.
    fn announce(&self, bell: &super::Bell, number: u64) {
        let bell = bell.inner();
        let mut state = self.told.lock();
        match state.is_told {
            false => state.bells.push((bell, number)),
            true => {
                drop(state);
                bell.ring(number);
            }
        }
    }
}
