//! How large a pool is and how it behaves, checked before anything is made.

use std::time::Duration;

use super::{
    PinnedHostShmProviderBackend, PinnedPool, PoolError, ending, metadata,
    slots::{Slots, Terms},
    tables::SizeClass,
};
use crate::{availability, budget, os, reclaim::ReclaimPolicy, segment::layout::SegmentLayout};

/// Sizes and limits of a [`PinnedPool`].
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned::{PinnedPool, ReclaimPolicy};
///
/// let pool = PinnedPool::builder()
///     .name("camera")
///     .slots(4) // of 64 KiB, the first class
///     .slot_bytes(64 << 10)
///     .size_class(4 << 10, 16) // and smaller ones beside them
///     .slots_per_segment(2) // grow by two slots at a time
///     .max_bytes(1 << 20)
///     .max_host_bytes(1 << 30)
///     .time_to_live(Duration::from_secs(10))
///     .wait(Duration::from_millis(100))
///     .linger(Duration::from_millis(200))
///     .reclaim(ReclaimPolicy::Proven)
///     .build()?;
/// assert!(pool.alloc(100)?.len() == 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PinnedPoolBuilder {
    name: String,
    slots: u32,
    slot_bytes: usize,
    more_classes: Vec<(usize, u32)>,
    slots_per_segment: Option<u32>,
    max_bytes: Option<u64>,
    max_host_bytes: Option<u64>,
    time_to_live: Duration,
    wait: Duration,
    linger: Duration,
    reclaim: Option<ReclaimPolicy>,
}

impl Default for PinnedPoolBuilder {
    fn default() -> Self {
        Self {
            name: String::from("pinned"),
            slots: 8,
            slot_bytes: 1 << 20,
            more_classes: Vec::new(),
            slots_per_segment: None,
            max_bytes: None,
            max_host_bytes: None,
            time_to_live: Duration::from_secs(30),
            wait: Duration::from_secs(1),
            linger: ending::DEFAULT_LINGER,
            reclaim: None,
        }
    }
}

impl PinnedPoolBuilder {
    /// The pool's name in its header pages and in logs, at most 64 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many slots. Two are the least for a pipeline; each consumer that holds frames needs its own.
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Bytes of a slot, rounded up to whole pages.
    pub fn slot_bytes(mut self, bytes: usize) -> Self {
        self.slot_bytes = bytes;
        self
    }

    /// Adds slots of another size, in bytes. An allocation takes the smallest size that fits, and only
    /// that one, so that small frames never use up the slots of large ones.
    pub fn size_class(mut self, slot_bytes: usize, slots: u32) -> Self {
        self.more_classes.push((slot_bytes, slots));
        self
    }

    /// Adds at most so many slots at a time: the pool starts with one such segment of each size and
    /// grows when all slots are in use. By default every slot is made at once.
    pub fn slots_per_segment(mut self, slots: u32) -> Self {
        self.slots_per_segment = Some(slots);
        self
    }

    /// The most bytes of shared memory that the pool may ever have; building fails if its slots would
    /// need more.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// The most bytes that all processes of this user on this host may have in segments and staging slots
    /// when this pool makes one more segment. By default what the environment variable
    /// `ZENOH_PINNED_HOST_BYTES` says (bytes, or with the suffix KiB, MiB or GiB), else half of the machine's memory;
    /// never more than all of it.
    pub fn max_host_bytes(mut self, bytes: u64) -> Self {
        self.max_host_bytes = Some(bytes);
        self
    }

    /// After what time a segment that the pool has grown by, and none of whose slots has been used since,
    /// is given back; 30 seconds by default, half of that under [`Pressure::High`](crate::Pressure::High), a quarter under
    /// [`Pressure::Critical`](crate::Pressure::Critical), and after one second where a request would be refused otherwise. The
    /// last segment of a size stays.
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// How long [`PinnedPool::alloc`] waits for a slot; one second by default.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The longest that the process's exit waits for frames of this pool that are on their way; half a second
    /// by default. The exit does not wait where every slot has come back, and not at all if this is zero. A
    /// process that is killed by a signal or calls `_exit` does not wait either.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// When slots are taken back whose consumers have died. A [`PinnedPool`] does by default what
    /// `ZENOH_PINNED_RECLAIM` says, see [`ReclaimPolicy::from_environment`].
    pub fn reclaim(mut self, policy: ReclaimPolicy) -> Self {
        self.reclaim = Some(policy);
        self
    }

    /// Makes the pool and its first segments.
    ///
    /// Where zenoh cannot have shared memory at all in this process, the pool works with ordinary memory
    /// and [`PinnedPool::reason`] says why.
    ///
    /// ```
    /// # use zenoh_pinned::{PinnedPool, PoolError};
    /// let pool = PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// assert!(matches!(PinnedPool::builder().slots(0).build(), Err(PoolError::Empty)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PoolError`]: sizes that cannot be, a bound that is too low, or no room in `/dev/shm`.
    pub fn build(self) -> Result<PinnedPool, PoolError> {
        let policy = self.reclaim.unwrap_or_else(ReclaimPolicy::from_environment);
        let slots = self.slots_with(policy)?;
        let reason = availability::without_shared_memory();
        match &reason {
            None => make_shared_memory(&slots)?,
            Some(reason) => tracing::warn!(%reason, "the pool uses ordinary memory"),
        }
        let backend = PinnedHostShmProviderBackend::new(slots);
        Ok(PinnedPool::new(backend, self.wait, self.linger, reason))
    }

    /// Makes only the backend, for `zenoh::shm::ShmProviderBuilder::backend`.
    ///
    /// Slots are not taken back from consumers that die unless [`PinnedPoolBuilder::reclaim`] was called,
    /// which says that nobody ever allocates from it with zenoh's unsafe garbage collection.
    ///
    /// # Errors
    /// As [`PinnedPoolBuilder::build`], and [`PoolError::NoSharedMemory`] where zenoh cannot have any.
    pub fn build_backend(self) -> Result<PinnedHostShmProviderBackend, PoolError> {
        if let Some(reason) = availability::without_shared_memory() {
            return Err(PoolError::NoSharedMemory { reason });
        }
        let slots = self.slots_with(self.reclaim.unwrap_or(ReclaimPolicy::Never))?;
        make_shared_memory(&slots)?;
        Ok(PinnedHostShmProviderBackend::new(slots))
    }

    fn slots_with(&self, reclaim: ReclaimPolicy) -> Result<Slots, PoolError> {
        let terms = Terms {
            reclaim,
            time_to_live: self.time_to_live,
            host_limit: budget::host_limit(self.max_host_bytes),
        };
        Ok(Slots::new(self.name.clone(), self.classes()?, terms))
    }

    fn classes(&self) -> Result<Vec<SizeClass>, PoolError> {
        let mut sizes = vec![(self.slot_bytes, self.slots)];
        sizes.extend(&self.more_classes);
        let mut classes = Vec::with_capacity(sizes.len());
        let mut needed_bytes: u64 = 0;
        for (bytes, slots) in sizes {
            if bytes == 0 || slots == 0 || self.slots_per_segment == Some(0) {
                return Err(PoolError::Empty);
            }
            let class = self.class(bytes, slots)?;
            let segments = slots.div_ceil(class.slots_per_segment);
            let headers = u64::from(segments) * SegmentLayout::header_bytes() as u64;
            needed_bytes = (class.slot_bytes as u64)
                .checked_mul(u64::from(slots))
                .and_then(|bytes| bytes.checked_add(headers))
                .and_then(|bytes| bytes.checked_add(needed_bytes))
                .unwrap_or(u64::MAX);
            classes.push(class);
        }
        let max_bytes = self.max_bytes.unwrap_or(u64::MAX - 1);
        if needed_bytes > max_bytes {
            return Err(PoolError::OverBudget {
                needed_bytes,
                max_bytes,
            });
        }
        classes.sort_by_key(|class| class.slot_bytes);
        Ok(classes)
    }

    fn class(&self, bytes: usize, slots: u32) -> Result<SizeClass, PoolError> {
        let max_slot_bytes = SegmentLayout::max_slot_bytes();
        let slot_bytes = os::round_up_to_pages(bytes)
            .filter(|rounded| *rounded <= max_slot_bytes)
            .ok_or(PoolError::SlotTooLarge {
                slot_bytes: bytes,
                max_slot_bytes,
            })?;
        let wanted = self.slots_per_segment.unwrap_or(slots).min(slots);
        Ok(SizeClass {
            slot_bytes,
            slots,
            slots_per_segment: wanted.min(SegmentLayout::max_slots(slot_bytes)),
        })
    }
}

fn make_shared_memory(slots: &Slots) -> Result<(), PoolError> {
    slots.make_first_segments()?;
    Ok(metadata::make()?)
}
