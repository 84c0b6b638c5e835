//! The place of one answer: told once, waited for by a thread or a task.
//!
//! Locks: one mutex, held for a few statements; nothing of the caller's runs under it but a waker's clone.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use zenoh_pinned::bindings::MadeHere;

use super::{Payload, RequestError};

/// How often a wait asks whether it is to end.
const ASK_EVERY: Duration = Duration::from_millis(50);

pub(crate) type Outcome = Result<Payload, RequestError>;

enum State {
    Waiting(Option<Waker>),
    Told(Outcome),
    Taken,
}

struct Place {
    state: Mutex<State>,
    told: Condvar,
    made_here: MadeHere,
}

impl Place {
    /// Tells it, unless it has been told.
    fn tell(&self, outcome: Outcome) {
        let mut state = self.lock();
        if !matches!(*state, State::Waiting(_)) {
            return;
        }
        let before = std::mem::replace(&mut *state, State::Told(outcome));
        drop(state);
        self.told.notify_one();
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has it tells the answer.
pub(crate) struct Promise(Arc<Place>);

/// An answer that is to come: a future, or [`wait`](Self::wait) on a thread. Dropping it says that nobody wants it any more.
#[must_use = "dropping it cancels the request"]
pub struct PendingAnswer(Arc<Place>);

/// Both ends of one answer.
pub(crate) fn promise() -> (Promise, PendingAnswer) {
    let place = Arc::new(Place {
        state: Mutex::new(State::Waiting(None)),
        told: Condvar::new(),
        made_here: MadeHere::now(),
    });
    (Promise(place.clone()), PendingAnswer(place))
}

impl Promise {
    /// Whether somebody waits.
    pub(crate) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(crate) fn tell(self, outcome: Outcome) {
        self.0.tell(outcome);
    }
}

/// One that was lost is told as well, so that nobody waits for it.
impl Drop for Promise {
    fn drop(&mut self) {
        // In a forked child the answer is the parent's to tell.
        if self.0.made_here.holds() {
            self.0.tell(Err(RequestError::Closing));
        }
    }
}

impl PendingAnswer {
    /// One that is there already.
    pub(crate) fn told(outcome: Outcome) -> Self {
        let (promise, pending) = promise();
        promise.tell(outcome);
        pending
    }

    /// Waits on this thread. The request's deadline bounds it, whoever dies; with
    /// [`in_order_of`](super::Request::in_order_of) those of earlier requests of its source do as well.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn wait(self) -> Result<Payload, RequestError> {
        if !self.0.made_here.holds() {
            return Err(RequestError::Forked);
        }
        let mut state = self.0.lock();
        let mut ask_at = Instant::now() + ASK_EVERY;
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Told(outcome) => return outcome,
                waiting => *state = waiting,
            }
            if !zenoh_pinned::bindings::may_be_interrupted() {
                let waited = self.0.told.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = ask_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                // Not under the lock: it may run any code.
                if zenoh_pinned::bindings::is_interrupted() {
                    return Err(RequestError::Interrupted);
                }
                ask_at = Instant::now() + ASK_EVERY;
                state = self.0.lock();
                continue;
            }
            let waited = self.0.told.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`wait`](Self::wait), but no longer than this; `None` where the answer is not there yet. Once it was there, it has
    /// been taken.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use zenoh_pinned_workers::{Payload, RequestError, Workers};
    /// fn with_patience<L: FnMut()>(workers: &Workers, mut look: L) -> Result<Payload, RequestError> {
    ///     let mut pending = workers.request("a frame").send();
    ///     loop {
    ///         match pending.wait_timeout(Duration::from_millis(100)) {
    ///             Some(answer) => return answer,
    ///             None => look(), // dropping `pending` would cancel it
    ///         }
    ///     }
    /// }
    /// # let _ = with_patience::<fn()>;
    /// ```
    ///
    /// # Errors
    /// [`RequestError`]; [`RequestError::Closing`] where it was taken before.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<Payload, RequestError>> {
        if !self.0.made_here.holds() {
            return Some(Err(RequestError::Forked));
        }
        let is_waiting = |state: &mut State| matches!(state, State::Waiting(_));
        let waited = self
            .0
            .told
            .wait_timeout_while(self.0.lock(), timeout, is_waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Told(outcome) => Some(outcome),
            waiting @ State::Waiting(_) => {
                *state = waiting;
                None
            }
            State::Taken => Some(Err(RequestError::Closing)),
        }
    }

    /// Whether the answer is there, so that waiting takes no time.
    pub fn is_ready(&self) -> bool {
        !matches!(&*self.0.lock(), State::Waiting(_))
    }
}

impl Future for PendingAnswer {
    type Output = Result<Payload, RequestError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Told(outcome) => Poll::Ready(outcome),
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            // Polled again after its end, which futures need not bear.
            State::Taken => Poll::Ready(Err(RequestError::Closing)),
        }
    }
}

impl std::fmt::Debug for PendingAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PendingAnswer")
            .field("ready", &self.is_ready())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_to_a_thread_that_waits_and_to_one_that_comes_later() {
        let (promise, pending) = super::promise();
        let waiting = std::thread::spawn(move || pending.wait());
        promise.tell(Ok(Payload::from("here")));
        assert_eq!(waiting.join().unwrap().unwrap(), Payload::from("here"));
        assert_eq!(
            PendingAnswer::told(Err(RequestError::Expired)).wait(),
            Err(RequestError::Expired)
        );
    }

    #[test]
    fn a_wait_with_a_limit_takes_the_answer_once_it_is_there() {
        let (promise, mut pending) = super::promise();
        assert_eq!(pending.wait_timeout(Duration::from_millis(1)), None);
        assert!(promise.is_wanted());
        promise.tell(Ok(Payload::from("here")));
        let answer = pending.wait_timeout(Duration::MAX);
        assert_eq!(answer, Some(Ok(Payload::from("here"))));
        let again = pending.wait_timeout(Duration::ZERO);
        assert_eq!(again, Some(Err(RequestError::Closing)));
    }

    #[test]
    fn a_promise_that_is_lost_is_told() {
        let (promise, pending) = super::promise();
        drop(promise);
        assert_eq!(pending.wait(), Err(RequestError::Closing));
    }

    #[test]
    fn a_task_is_woken_and_a_dropped_one_is_not_wanted() {
        let (promise, pending) = super::promise();
        let thread = std::thread::spawn(move || futures::executor::block_on(pending));
        assert!(promise.is_wanted());
        promise.tell(Ok(Payload::from("here")));
        assert!(thread.join().unwrap().is_ok());
        let (promise, pending) = super::promise();
        drop(pending);
        assert!(!promise.is_wanted());
    }
}
