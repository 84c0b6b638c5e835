//! Waiting for a slot: woken by our consumers, looking by itself for everybody else's releases.
//!
//! Unmodified consumers release a chunk without telling anybody, so the sleep is cut into poll intervals: short at
//! first, when a release is probably near, then longer, so that a producer blocked for good costs about one per cent
//! of a core.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{SharedPool, error::AllocError, slots::TakenSlot};
use crate::{interruption::Interruption, os::futex, segment::Segment};

/// Has `look` look for released slots of these segments, and sleeps until there may be more: for the time that it
/// goes on with at most.
///
/// Releases in a segment that is added meanwhile, after a failure to grow, are found by looking.
pub(super) fn round<T>(
    segments: &[Arc<Segment>],
    look: impl FnOnce() -> ControlFlow<T, Duration>,
) -> ControlFlow<T> {
    // Before the look: a release that it does not see changes the word that is slept on.
    let words = segments
        .iter()
        .filter_map(|segment| segment.begin_waiting());
    let waiting: Vec<_> = words.collect();
    let sleep = look()?;
    let futexes: Vec<_> = waiting.iter().map(|waiting| waiting.futex()).collect();
    futex::wait_any(&futexes, sleep);
    ControlFlow::Continue(())
}

/// How long to sleep at most after nothing has come for that long.
pub(super) fn poll_interval(waited: Duration) -> Duration {
    Duration::from_micros(match waited.as_millis() {
        0 => 20,
        1..10 => 50,
        _ => 200,
    })
}

impl SharedPool {
    /// Takes a slot when one comes free: collects what has been released, else grows, else sleeps, until the deadline.
    pub(super) fn wait_for_slot(
        &self,
        class: usize,
        len: usize,
        timeout: Duration,
    ) -> Result<TakenSlot, AllocError> {
        let started = Instant::now();
        let segments = self.slots.segments(Some(class));
        let interruption = Interruption::of_this_wait();
        let look = || {
            self.collect();
            let taken = self.slots.take(class);
            let waited = started.elapsed();
            match taken {
                Some(taken) => ControlFlow::Break(Ok(taken)),
                None if waited >= timeout => {
                    ControlFlow::Break(Err(self.slots.timed_out(class, len, timeout)))
                }
                None if interruption.is_wanted() => {
                    ControlFlow::Break(Err(AllocError::Interrupted))
                }
                None => ControlFlow::Continue(poll_interval(waited).min(timeout - waited)),
            }
        };
        let _precise = futex::PreciseTimers::for_this_thread();
        self.slots.counters.waits.add(1);
        loop {
            if let ControlFlow::Break(outcome) = round(&segments, look) {
                self.slots.counters.waited(started.elapsed());
                return outcome;
            }
        }
    }
}
