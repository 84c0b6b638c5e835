//! Allocations that wait without a thread of their own ([`AllocFuture`](super::AllocFuture)), and the one thread that
//! waits for all of a pool.
//!
//! Holds: a list of those that have come and not been seen yet, and whether the thread runs. It starts with the first
//! that waits, takes slots as they come free, hands them out in the order in which the futures came, and ends when none
//! waits any more. A future that is dropped is noticed by its being gone; a slot that it was given goes back with it.
//!
//! Locks: the list's mutex, held for list operations and while the thread is started; each waiter's, held for a few
//! stores. No slot is taken, nothing is woken and nothing foreign dropped under either.
//!
//! Knowingly weak: one that gives up is noticed at the next poll interval, and so is one that comes while the thread
//! sleeps, unless the slot that it needs is free already. Whoever allocates at that moment may be quicker than those
//! that wait.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use super::{PinnedPool, ending, error::AllocError, slot::Slot, waiting};
use crate::os::{exit, futex, mutex};

/// Those that wait. One of a parent is not for a forked child to touch.
#[derive(Default)]
pub(super) struct Pending {
    arrivals: Mutex<Arrivals>,
}

#[derive(Default)]
struct Arrivals {
    waiters: Vec<Arc<Waiter>>,
    /// Whether the thread runs.
    is_served: bool,
}

/// One that waits, shared by its future and the thread.
pub(super) struct Waiter {
    class: usize,
    len: usize,
    timeout: Duration,
    since: Instant,
    answer: Mutex<Answer>,
}

struct Answer {
    outcome: Option<Result<Slot, AllocError>>,
    waker: Option<Waker>,
}

impl Waiter {
    /// Whether nobody wants the answer any more.
    fn is_given_up(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }

    /// The answer, if it is there; else `waker` is woken when it is.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<Slot, AllocError>> {
        let mut answer = mutex::lock(&self.answer);
        if let Some(outcome) = answer.outcome.take() {
            return Poll::Ready(outcome);
        }
        let is_known = |known: &Waker| known.will_wake(waker);
        if !answer.waker.as_ref().is_some_and(is_known) {
            let before = answer.waker.replace(waker.clone());
            drop(answer);
            drop(before);
        }
        Poll::Pending
    }

    fn answer(&self, outcome: Result<Slot, AllocError>) {
        let waker = {
            let mut answer = mutex::lock(&self.answer);
            answer.outcome = Some(outcome);
            answer.waker.take()
        };
        // A waker is the application's: its panic must not cost the others their slots.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.map(Waker::wake)));
    }

    /// Whether it has waited for as long as it may.
    fn is_overdue(&self) -> bool {
        self.since.elapsed() >= self.timeout
    }
}

impl Pending {
    /// Has the thread wait for a slot of this class.
    ///
    /// # Errors
    /// There is no thread, and none could be started.
    pub(super) fn wait(
        &self,
        pool: &PinnedPool,
        class: usize,
        len: usize,
        timeout: Duration,
        waker: &Waker,
    ) -> Result<Arc<Waiter>, AllocError> {
        let waiter = Arc::new(Waiter {
            class,
            len,
            timeout,
            since: Instant::now(),
            answer: Mutex::new(Answer {
                outcome: None,
                waker: Some(waker.clone()),
            }),
        });
        // The thread must not collect garbage when zenoh has ended.
        ending::at_exit();
        let mut arrivals = mutex::lock(&self.arrivals);
        if !arrivals.is_served {
            let pool = pool.clone();
            let thread = std::thread::Builder::new().name(String::from("zpin-waiting"));
            let started = thread.spawn(move || serve(&pool));
            started.map_err(|cause| AllocError::NoThread { cause })?;
            arrivals.is_served = true;
        }
        arrivals.waiters.push(waiter.clone());
        pool.shared.slots.counters.waits.add(1);
        Ok(waiter)
    }

    /// Adds those that have come to `waiters`; `false` where none is left, and then the thread has ended.
    fn take_arrivals(&self, waiters: &mut Vec<Arc<Waiter>>) -> bool {
        let mut arrivals = mutex::lock(&self.arrivals);
        waiters.append(&mut arrivals.waiters);
        arrivals.is_served = !waiters.is_empty();
        arrivals.is_served
    }
}

/// What the thread does.
fn serve(pool: &PinnedPool) {
    let _precise = futex::PreciseTimers::for_this_thread();
    let slots = &pool.shared.slots;
    let mut waiters = Vec::new();
    let mut nothing_since = Instant::now();
    loop {
        // Dropped here if given up: what an application's waker does then is its own business.
        waiters.retain(|waiter: &Arc<Waiter>| !waiter.is_given_up());
        let known = waiters.len();
        if !pool.shared.pending.take_arrivals(&mut waiters) {
            return;
        }
        if waiters.len() > known {
            nothing_since = Instant::now();
        }
        let segments = slots.segments(None);
        let ended = waiting::round(&segments, || {
            let Some(_round) = exit::enter_round() else {
                return ControlFlow::Break(());
            };
            pool.shared.collect();
            if answer_some(pool, &mut waiters) {
                nothing_since = Instant::now();
            }
            let remaining =
                |waiter: &Arc<Waiter>| waiter.timeout.saturating_sub(waiter.since.elapsed());
            let soonest = waiters.iter().map(remaining).min().unwrap_or_default();
            ControlFlow::Continue(waiting::poll_interval(nothing_since.elapsed()).min(soonest))
        });
        if ended.is_break() {
            return;
        }
    }
}

/// Gives those that wait what slots there are, in order, and tells those whose time is over. Whether any was answered.
fn answer_some(pool: &PinnedPool, waiters: &mut Vec<Arc<Waiter>>) -> bool {
    let slots = &pool.shared.slots;
    let before = waiters.len();
    let mut empty_classes = Vec::new();
    waiters.retain(|waiter| {
        let taken = match empty_classes.contains(&waiter.class) {
            true => None,
            false => slots.take(waiter.class),
        };
        let outcome = match taken {
            Some(taken) => {
                let handed_out = AssertUnwindSafe(|| pool.hand_out(taken, waiter.len));
                catch_unwind(handed_out).unwrap_or_else(|_| {
                    let cause = String::from("zenoh panicked");
                    Err(AllocError::Metadata { cause })
                })
            }
            None => {
                empty_classes.push(waiter.class);
                if !waiter.is_overdue() {
                    return true;
                }
                Err(slots.timed_out(waiter.class, waiter.len, waiter.timeout))
            }
        };
        slots.counters.waited(waiter.since.elapsed());
        waiter.answer(outcome);
        false
    });
    waiters.len() < before
}
