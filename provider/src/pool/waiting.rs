//! Allocation that waits: woken by our consumers, looking by itself for everybody else's releases.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use zenoh::shm::{AllocPolicy, ChunkAllocResult, JustAlloc, MemoryLayout, ShmProvider};

use super::{PinnedHostShmProviderBackend, kept, slots::Slots};
use crate::{interruption::Interruption, os::futex, segment::Segment};

/// Take a free slot; else collect what has been released; else grow; else wait until the deadline.
///
/// Unmodified consumers release a chunk without telling anybody, so the sleep is cut into poll
/// intervals: short at first, when a release is probably near, then longer, so that a producer blocked
/// for good costs about one per cent of a core.
pub(super) struct WaitForSlot<'a> {
    slots: &'a Slots,
    class: usize,
    timeout: Duration,
    was_interrupted: &'a Cell<bool>,
}

impl<'a> WaitForSlot<'a> {
    /// `was_interrupted` is set where the wait ends for that reason.
    pub(super) fn new(
        slots: &'a Slots,
        class: usize,
        timeout: Duration,
        was_interrupted: &'a Cell<bool>,
    ) -> Self {
        Self {
            slots,
            class,
            timeout,
            was_interrupted,
        }
    }

    fn wait(
        &self,
        layout: &MemoryLayout,
        provider: &ShmProvider<PinnedHostShmProviderBackend>,
    ) -> ChunkAllocResult {
        let started = Instant::now();
        // Their release words are what is slept on. The pool has its segments when waiting begins; releases of
        // one that is added later, after a failure to grow, are found by looking.
        let segments = self.slots.segments(Some(self.class));
        let words = || {
            segments
                .iter()
                .filter_map(|segment| Segment::release_words(segment))
        };
        let _precise = futex::PreciseTimers::for_this_thread();
        self.slots.counters.waits.add(1);
        let interruption = Interruption::of_this_wait();
        loop {
            let waiting: Vec<_> = words().map(|words| words.begin_waiting()).collect();
            kept::let_go();
            provider.garbage_collect();
            let result = JustAlloc.alloc(layout, provider);
            let waited = started.elapsed();
            let is_over = result.is_ok() || waited >= self.timeout;
            if !is_over && interruption.is_wanted() {
                self.was_interrupted.set(true);
            }
            if is_over || self.was_interrupted.get() {
                self.slots.counters.waited(waited);
                return result;
            }
            let futexes: Vec<_> = waiting.iter().map(|waiting| waiting.futex()).collect();
            futex::wait_any(&futexes, poll_interval(waited).min(self.timeout - waited));
        }
    }
}

fn poll_interval(waited: Duration) -> Duration {
    Duration::from_micros(match waited.as_millis() {
        0 => 20,
        1..10 => 50,
        _ => 200,
    })
}

impl AllocPolicy<PinnedHostShmProviderBackend> for WaitForSlot<'_> {
    fn alloc(
        &self,
        layout: &MemoryLayout,
        provider: &ShmProvider<PinnedHostShmProviderBackend>,
    ) -> ChunkAllocResult {
        if !self.slots.has_free(self.class) {
            kept::let_go();
            provider.garbage_collect();
        }
        let result = JustAlloc.alloc(layout, provider);
        if result.is_ok() || self.timeout.is_zero() {
            return result;
        }
        self.wait(layout, provider)
    }
}
