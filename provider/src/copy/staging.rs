//! Registered staging slots of this process, for frames whose own memory is not registered.

use std::{
    ptr::NonNull,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    budget::Budget,
    os::{self, memory::MappedRange},
    path::FallbackReason,
    registration::{HostRegistration, Registration},
};

/// Sizes are rounded up to this, so that frames of nearly one size share slots.
const GRANULE: usize = 1 << 20;

#[derive(Debug)]
struct StagingSlot {
    memory: Registration<MappedRange>,
    leased: AtomicBool,
}

#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Arc<StagingSlot>>,
    /// The size that was last asked for and not made yet, or could not be made.
    requested_bytes: usize,
    refused: Option<FallbackReason>,
}

/// A few slots of one size, made by the registrar. Slots of a former, smaller size go when their last
/// copy has ended.
#[derive(Debug)]
pub(crate) struct Staging {
    count: usize,
    state: Mutex<Slots>,
}

/// What a copy that wants a staging slot gets.
pub(crate) enum Lease {
    Slot(StagingLease),
    /// None now; `make` says whether the registrar has to be asked for larger ones.
    Unavailable {
        reason: FallbackReason,
        make: bool,
    },
}

impl Staging {
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            count,
            state: Mutex::default(),
        })
    }

    /// Takes a free slot of at least `bytes`.
    pub(crate) fn lease(&self, bytes: usize) -> Lease {
        let mut state = self.lock();
        let free = state.slots.iter().find(|slot| {
            // Acquire: what the last lease wrote and its DMA read lies before this lease.
            slot.memory.memory().bytes() >= bytes && !slot.leased.swap(true, Ordering::Acquire)
        });
        if let Some(slot) = free {
            return Lease::Slot(StagingLease { slot: slot.clone() });
        }
        let make = self.count > 0 && state.requested_bytes < bytes;
        if make {
            state.requested_bytes = bytes.next_multiple_of(GRANULE);
        }
        let busy = FallbackReason::StagingBusy {
            needed_bytes: bytes,
        };
        let reason = state.refused.clone().unwrap_or(busy);
        Lease::Unavailable { reason, make }
    }

    /// Makes the slots; called by the registrar.
    pub(crate) fn make_slots(
        &self,
        bytes: usize,
        registration: &Arc<dyn HostRegistration>,
        budget: &Arc<Budget>,
    ) {
        let bytes = bytes.next_multiple_of(GRANULE);
        {
            let mut state = self.lock();
            state.requested_bytes = state.requested_bytes.max(bytes);
            state.slots.clear();
        }
        for _ in 0..self.count {
            let slot = make_slot(bytes, registration, budget);
            let mut state = self.lock();
            match slot {
                Ok(slot) => {
                    state.slots.push(Arc::new(slot));
                    state.refused = None;
                }
                Err(reason) => {
                    tracing::info!(%reason, bytes, "no staging slot");
                    state.refused = Some(reason);
                    return;
                }
            }
        }
    }

    /// Gives every slot up; those in use by a copy go when it has ended.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut self.lock().slots);
        drop(slots);
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_slot(
    bytes: usize,
    registration: &Arc<dyn HostRegistration>,
    budget: &Arc<Budget>,
) -> Result<StagingSlot, FallbackReason> {
    let memory = MappedRange::anonymous(bytes).map_err(|error| FallbackReason::NotAttachable {
        detail: format!("no memory for a staging slot of {bytes} bytes: {error}"),
    })?;
    memory.prefer_huge_pages();
    memory.populate();
    Ok(StagingSlot {
        memory: Registration::make(memory, budget, registration)?,
        leased: AtomicBool::new(false),
    })
}

/// A staging slot in use by one copy; free again when dropped.
#[derive(Debug)]
pub(crate) struct StagingLease {
    slot: Arc<StagingSlot>,
}

impl StagingLease {
    /// Copies a frame into the slot; its first `bytes.len()` bytes are the frame's afterwards.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> NonNull<u8> {
        let base = self.slot.memory.base();
        debug_assert!(
            bytes.len() <= os::round_up_to_pages(self.slot.memory.memory().bytes()).unwrap_or(0)
        );
        // SAFETY: the lease is exclusive and was given for at least that many bytes, and the slot's
        // memory is private to this module, so the frame does not overlap it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), base.as_ptr(), bytes.len()) };
        base
    }
}

impl Drop for StagingLease {
    fn drop(&mut self) {
        // Release: the copy out of the slot has ended before the next lease begins.
        self.slot.leased.store(false, Ordering::Release);
    }
}
