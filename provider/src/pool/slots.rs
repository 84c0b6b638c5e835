//! The slots of a pool: taken, given back, and added to as the pool grows.

use std::{
    num::NonZeroUsize,
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use zenoh::shm::{AllocatedChunk, ChunkDescriptor, PtrInSegment};

use super::{
    error::{AllocError, PoolError},
    statistics::{Counters, PoolStatistics},
    tables::{Class, PoolSegment, SizeClass, SlotState, Tables},
};
use crate::{
    budget::{self, Purpose},
    os::{
        clock::{LastUse, Moment},
        mutex,
    },
    reclaim::{self, Quarantine, ReclaimPolicy},
    segment::{Segment, SegmentError, layout::SegmentLayout},
};

/// How long a pool that could not grow does not try again.
const GROW_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a pool is held to besides its classes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// After what time an empty segment goes.
    pub(super) time_to_live: Duration,
    /// The limit of the host, in bytes.
    pub(super) host_limit: u64,
    /// When slots are taken back from consumers that have died.
    pub(super) reclaim: ReclaimPolicy,
}

/// A slot that was just taken.
pub(super) struct TakenSlot {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: u32,
    pub(super) address: NonNull<u8>,
}

impl TakenSlot {
    /// As zenoh knows it, with `bytes` of it in use.
    pub(super) fn into_chunk(self, bytes: NonZeroUsize) -> AllocatedChunk {
        AllocatedChunk::new(
            ChunkDescriptor::new(self.segment.id(), self.offset, bytes),
            PtrInSegment::new(self.address.as_ptr(), self.segment),
        )
    }
}

/// See the module's note.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) terms: Terms,
    pub(super) pool_name: String,
    /// Of each class, ascending: every allocation asks, and needs no lock for what never changes.
    slot_bytes: Vec<usize>,
    tables: Mutex<Tables>,
    growth: Mutex<()>,
    pub(super) quarantine: Quarantine,
    pub(super) counters: Counters,
}

impl Slots {
    /// An empty pool of these classes, which are sorted by slot size and not empty.
    pub(super) fn new(pool_name: String, classes: Vec<SizeClass>, terms: Terms) -> Self {
        let slot_bytes = classes.iter().map(|class| class.slot_bytes).collect();
        let tables = Tables {
            classes: classes.into_iter().map(Class::empty).collect(),
            ..Tables::default()
        };
        Self {
            terms,
            pool_name,
            slot_bytes,
            tables: Mutex::new(tables),
            growth: Mutex::default(),
            quarantine: Quarantine::default(),
            counters: Counters::default(),
        }
    }

    /// Makes the first segment of every class.
    pub(super) fn make_first_segments(&self) -> Result<(), PoolError> {
        for class in 0..self.slot_bytes.len() {
            self.grow(class)?;
        }
        Ok(())
    }

    /// The class whose slots are the smallest that hold `len` bytes.
    pub(super) fn class_for(&self, len: usize) -> Result<usize, AllocError> {
        if len == 0 {
            return Err(AllocError::ZeroBytes);
        }
        let class = self.slot_bytes.iter().position(|bytes| *bytes >= len);
        class.ok_or_else(|| AllocError::TooLarge {
            len,
            largest_slot_bytes: self.largest_slot_bytes(),
        })
    }

    /// Of a class; zero where there is no such class.
    pub(super) fn slot_bytes_of(&self, class: usize) -> usize {
        self.slot_bytes.get(class).copied().unwrap_or(0)
    }

    pub(super) fn largest_slot_bytes(&self) -> usize {
        self.slot_bytes.last().copied().unwrap_or(0)
    }

    /// Takes a free slot, adding a segment where there is none and the class may still grow.
    pub(super) fn take(&self, class: usize) -> Option<TakenSlot> {
        if let Some(slot) = self.take_free(class) {
            return Some(slot);
        }
        let _growth = mutex::lock(&self.growth);
        // Another allocation may have grown the class, or a release have come in, before the lock.
        if let Some(slot) = self.take_free(class) {
            return Some(slot);
        }
        if self.growth_failed_lately(class) {
            return None;
        }
        match self.grow(class) {
            Ok(true) => self.take_free(class),
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(%error, pool = self.pool_name, "the pool cannot grow");
                let failed = Some((Arc::new(error), Instant::now()));
                if let Some(class) = self.lock().classes.get_mut(class) {
                    class.growth_error = failed;
                }
                None
            }
        }
    }

    /// A waiting allocation comes here many times a second; trying to grow means reserving what is left
    /// of `/dev/shm` and giving it back.
    fn growth_failed_lately(&self, class: usize) -> bool {
        let tables = self.lock();
        let class = tables.classes.get(class);
        let failed = class.and_then(|class| class.growth_error.as_ref());
        failed.is_some_and(|(_, at)| at.elapsed() < GROW_AGAIN_AFTER)
    }

    pub(super) fn take_free(&self, class: usize) -> Option<TakenSlot> {
        let mut tables = self.lock();
        let (id, index) = tables.classes.get_mut(class)?.free.pop()?;
        let taken = SlotState::Taken(self.counters.allocations.add(1), Moment::now());
        let owner = tables.segments.get_mut(&id)?;
        *owner.slots.get_mut(index as usize)? = taken;
        let offset = u32::try_from(owner.layout.offset_of(index)).ok()?;
        let slot = TakenSlot {
            address: owner.segment.chunk_address(offset)?,
            segment: owner.segment.clone(),
            offset,
        };
        tables.in_use += 1;
        Some(slot)
    }

    /// Gives the slot at `offset` of segment `id` back. Both came through shared memory, so a slot that
    /// is not allocated is left as it is.
    pub(super) fn give_back(&self, id: u32, offset: u32) {
        if reclaim::is_tombstone(offset) && self.counters.tombstone_collected() {
            return;
        }
        if !self.lock().release(id, offset, |_| true) {
            self.counters.rejected_releases.add(1);
            tracing::warn!(segment = id, offset, "a release named no allocated slot");
        }
    }

    /// Lets the segments of a pool go that has no slot in use and hands out no more.
    pub(super) fn release_segments(&self) {
        let mut tables = self.lock();
        if tables.in_use == 0 {
            let segments = std::mem::take(&mut tables.segments);
            tables
                .classes
                .iter_mut()
                .for_each(|class| class.free.clear());
            drop(tables);
            // Unmapping, unlinking and discarding need no lock.
            for owner in segments.into_values() {
                owner.segment.discard_slots();
            }
        }
    }

    /// Adds a segment to the class; `false` where it has all its slots.
    fn grow(&self, class: usize) -> Result<bool, SegmentError> {
        let layout = self.lock().classes.get(class).and_then(|class| {
            let adding = class.size.slots_per_segment.min(class.missing());
            SegmentLayout::new(class.size.slot_bytes, adding)
        });
        let Some(layout) = layout else {
            return Ok(false);
        };
        let adding = layout.slots();
        let bytes = layout.total_bytes() as u64;
        let share = budget::take_from_host(Purpose::Segment, bytes, self.terms.host_limit)?;
        let segment = Segment::create(&self.pool_name, layout)?;
        let id = segment.id();
        let mut tables = self.lock();
        if let Some(class) = tables.classes.get_mut(class) {
            class.growth_error = None;
            class.made += adding;
            let added = (0..adding).rev().map(|index| (id, index));
            class.free.extend(added);
        }
        tables.segments.insert(
            id,
            PoolSegment {
                segment,
                layout,
                class,
                slots: vec![SlotState::Free; adding as usize],
                last_use: LastUse::now(),
                given_up_bytes: 0,
                share,
            },
        );
        Ok(true)
    }

    /// The segments of a class, or all of them.
    pub(super) fn segments(&self, class: Option<usize>) -> Vec<Arc<Segment>> {
        let tables = self.lock();
        let owners = tables.segments.values();
        let of_class = owners.filter(|owner| class.is_none_or(|class| owner.class == class));
        of_class.map(|owner| owner.segment.clone()).collect()
    }

    /// Whether an address lies in one of the pool's segments.
    pub(super) fn has(&self, address: *const u8) -> bool {
        let address = address as usize;
        let tables = self.lock();
        tables.segments.values().any(|owner| {
            let base = owner.segment.base().as_ptr() as usize;
            (base..base + owner.segment.bytes()).contains(&address)
        })
    }

    /// Bytes in free slots, and in slots that the pool may still add.
    pub(super) fn available_bytes(&self) -> usize {
        let tables = self.lock();
        let bytes =
            |class: &Class| (class.free.len() + class.missing() as usize) * class.size.slot_bytes;
        tables.classes.iter().map(bytes).sum()
    }

    pub(super) fn statistics(&self) -> PoolStatistics {
        let mut statistics = PoolStatistics::default();
        let quarantine = self.quarantine.now();
        statistics.quarantined = quarantine.iter().map(|quarantined| quarantined.slots).sum();
        let tables = self.lock();
        // With the tables locked: a slot that has been reclaimed is counted as such, or is still in use.
        self.counters.add_to(&mut statistics);
        statistics.in_use = tables.in_use;
        let given_up: u32 = tables.segments.values().map(PoolSegment::given_up).sum();
        let slots: u32 = tables.classes.iter().map(|class| class.size.slots).sum();
        statistics.slots = slots.saturating_sub(given_up);
        statistics.slot_bytes = self.largest_slot_bytes();
        statistics.segments = u32::try_from(tables.segments.len()).unwrap_or(u32::MAX);
        statistics.bytes = tables
            .segments
            .values()
            .map(|owner| (owner.segment.bytes() as u64).saturating_sub(owner.given_up_bytes))
            .sum();
        statistics
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tables> {
        mutex::lock(&self.tables)
    }
}
