//! What a pool has done so far.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::budget::Pressure;

/// Counters and sizes of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Slots that the pool may have, over all size classes.
    pub slots: u32,
    /// Bytes of the largest slots.
    pub slot_bytes: usize,
    /// Slots that are being written, are on their way, or are held by a consumer.
    pub in_use: u32,
    /// Segments there are.
    pub segments: u32,
    /// Bytes of these segments.
    pub bytes: u64,
    /// Slots handed out.
    pub allocations: u64,
    /// Allocations that found no free slot at first and waited.
    pub waits: u64,
    /// Allocations that failed because their deadline passed.
    pub timeouts: u64,
    /// Time spent waiting, over all allocations.
    pub waited: Duration,
    /// Releases that named no allocated slot and were ignored: somebody wrote to zenoh's metadata.
    pub rejected_releases: u64,
    /// Slots taken back from consumers that had died.
    pub reclaimed: u64,
    /// Slots in use that nobody confirms to hold, but whose release is not proven: counted in `in_use` too.
    /// See [`PinnedPool::quarantine`](crate::PinnedPool::quarantine) for the reasons.
    pub quarantined: u32,
    /// Headers of reclaimed slots that wait for late references: 40 bytes of zenoh's metadata each.
    pub tombstones: u32,
    /// Segments that the pool had grown by and has given back since.
    pub segments_given_back: u64,
    /// How near all processes of this user on this host are to the pool's limit of the host; at most a
    /// quarter of a second old. [`HostUsage`](crate::HostUsage) says who uses how much.
    pub pressure: Pressure,
}

/// A number that only grows. Relaxed throughout: each stands for itself and orders nothing.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds to it; gives what it was.
    pub(super) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counting part of [`PoolStatistics`], written by any thread.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) allocations: Counter,
    pub(super) waits: Counter,
    pub(super) timeouts: Counter,
    waited_nanoseconds: Counter,
    pub(super) rejected_releases: Counter,
    pub(super) reclaimed: Counter,
    tombstones_collected: Counter,
    pub(super) segments_given_back: Counter,
}

impl Counters {
    pub(super) fn waited(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.waited_nanoseconds.add(nanoseconds);
    }

    /// Counts a header that zenoh has collected; `false` where none is out.
    pub(super) fn tombstone_collected(&self) -> bool {
        let reclaimed = self.reclaimed.now();
        let one_more = |collected: u64| (collected < reclaimed).then_some(collected + 1);
        let Counter(collected) = &self.tombstones_collected;
        collected
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    pub(super) fn add_to(&self, statistics: &mut PoolStatistics) {
        statistics.allocations = self.allocations.now();
        statistics.waits = self.waits.now();
        statistics.timeouts = self.timeouts.now();
        statistics.waited = Duration::from_nanos(self.waited_nanoseconds.now());
        statistics.rejected_releases = self.rejected_releases.now();
        statistics.reclaimed = self.reclaimed.now();
        let collected = self.tombstones_collected.now();
        let tombstones = statistics.reclaimed.saturating_sub(collected);
        statistics.tombstones = u32::try_from(tombstones).unwrap_or(u32::MAX);
        statistics.segments_given_back = self.segments_given_back.now();
    }
}
