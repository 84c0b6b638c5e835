//! zenoh's side of a pool: the backend that a `ShmProvider` allocates chunks from.

use std::sync::{Arc, Weak};

use zenoh::shm::{
    AllocAlignment, ChunkAllocResult, ChunkDescriptor, MemoryLayout, ProtocolID,
    ShmProviderBackend, WithProtocolID, ZAllocError, ZLayoutError,
};

use super::slots::Slots;
use crate::{
    budget::{self, GivesBack},
    figures::{self, HasFigures},
    os::{self, per_process::MadeHere},
    reclaim::{self, ReclaimableSlots},
    segment::POSIX_PROTOCOL_ID,
};

/// Page-aligned slots in segments that every zenoh 1.10 process can attach, for use with
/// `ShmProviderBuilder::backend(..)`. [`PinnedPool`](crate::PinnedPool) is this with waiting allocation on top.
///
/// Allocations are rounded up to whole pages and aligned to a page; an alignment beyond that is refused.
/// Freed in any order, from any thread. Specified by `zenoh::shm::ShmProviderBackend`.
///
/// # Examples
/// ```
/// use zenoh::{Wait, shm::{GarbageCollect, ShmProviderBuilder}};
/// use zenoh_pinned::PinnedPool;
///
/// let backend = PinnedPool::builder().slots(2).slot_bytes(4096).build_backend()?;
/// let provider = ShmProviderBuilder::backend(backend).wait();
/// let buffer = provider.alloc(100).with_policy::<GarbageCollect>().wait()?;
/// assert_eq!(buffer.len(), 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PinnedHostShmProviderBackend {
    slots: Arc<Slots>,
    made_here: MadeHere,
}

impl PinnedHostShmProviderBackend {
    pub(super) fn new(slots: Slots) -> Self {
        let slots = Arc::new(slots);
        let policy = slots.policy();
        // First as the concrete type: a `Weak` of the trait is made from one of the slots.
        let watched: Weak<Slots> = Arc::downgrade(&slots);
        reclaim::watch(watched, policy);
        let idle: Arc<dyn GivesBack> = slots.clone();
        budget::watch(Arc::downgrade(&idle));
        let shown: Arc<dyn HasFigures> = slots.clone();
        figures::register(Arc::downgrade(&shown));
        Self {
            slots,
            made_here: MadeHere::now(),
        }
    }

    pub(super) fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }
}

impl WithProtocolID for PinnedHostShmProviderBackend {
    fn id(&self) -> ProtocolID {
        POSIX_PROTOCOL_ID
    }
}

impl ShmProviderBackend for PinnedHostShmProviderBackend {
    fn alloc(&self, layout: &MemoryLayout) -> ChunkAllocResult {
        if !self.made_here.holds() {
            // A forked child: the free slots are the parent's.
            return Err(ZAllocError::OutOfMemory);
        }
        let class = self.slots.class_for(layout.size().get());
        let slot = class
            .ok()
            .and_then(|class| self.slots.take(class))
            .ok_or(ZAllocError::OutOfMemory)?;
        Ok(slot.into_chunk(layout.size()))
    }

    fn free(&self, chunk: &ChunkDescriptor) {
        if self.made_here.holds() {
            self.slots.give_back(chunk.segment, chunk.chunk);
        }
    }

    fn defragment(&self) -> usize {
        // Slots do not fragment.
        0
    }

    fn available(&self) -> usize {
        self.slots.available_bytes()
    }

    fn layout_for(&self, layout: MemoryLayout) -> Result<MemoryLayout, ZLayoutError> {
        // Before rounding up: zenoh's rounding panics on sizes near the end of the address space.
        if layout.size().get() > self.slots.largest_slot_bytes() {
            return Err(ZLayoutError::ProviderIncompatibleLayout);
        }
        let page = AllocAlignment::new(os::page_bytes().trailing_zeros() as u8)?;
        layout.extend(page)
    }
}
