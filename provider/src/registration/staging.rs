//! Registered staging slots of this process, for frames whose own memory is not registered.

use std::{
    ptr::NonNull,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{HostRegistration, Registration};
use crate::{
    budget::Budget,
    os::{memory::MappedRange, mutex},
    reason::FallbackReason,
};

/// Sizes are rounded up to this, so that frames of nearly one size share slots.
const GRANULE: usize = 1 << 20;
/// How long slots that were refused are not asked for again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct StagingSlot {
    memory: Registration<MappedRange>,
    leased: AtomicBool,
}

#[derive(Debug, Default)]
struct StagingSlots {
    slots: Vec<Arc<StagingSlot>>,
    /// What the registrar has been asked for and has not answered yet, in bytes; zero if nothing.
    asked_bytes: usize,
    refused: Option<(FallbackReason, Instant)>,
}

impl StagingSlots {
    /// The registrar has dealt with a request for this size.
    fn answered(&mut self, bytes: usize) {
        if self.asked_bytes <= bytes {
            self.asked_bytes = 0;
        }
    }
}

/// A few slots of one size, made by the registrar. Slots of a former, smaller size go when their last
/// copy has ended.
#[derive(Debug)]
pub(crate) struct Staging {
    count: usize,
    slots: Mutex<StagingSlots>,
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
    /// No slots yet; the first `asked_bytes` are what the caller asks the registrar for.
    pub(crate) fn new(count: usize, asked_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            count,
            slots: Mutex::new(StagingSlots {
                asked_bytes: asked_bytes.next_multiple_of(GRANULE),
                ..StagingSlots::default()
            }),
        })
    }

    /// Whether frames can be staged at all.
    pub(crate) fn exists(&self) -> bool {
        self.count > 0
    }

    /// Takes a free slot of at least `bytes`.
    pub(crate) fn lease(&self, bytes: usize) -> Lease {
        let mut state = mutex::lock(&self.slots);
        let fitting = |slot: &&Arc<StagingSlot>| slot.memory.memory().bytes() >= bytes;
        // Acquire: what the last lease wrote and its DMA read lies before this lease.
        let free = |slot: &&Arc<StagingSlot>| !slot.leased.swap(true, Ordering::Acquire);
        if let Some(slot) = state.slots.iter().filter(fitting).find(free) {
            return Lease::Slot(StagingLease { slot: slot.clone() });
        }
        let too_small = self.count > 0 && !state.slots.iter().any(|slot| fitting(&slot));
        let refused = state.refused.as_ref();
        let refused = refused.filter(|(_, at)| at.elapsed() < RETRY_AFTER);
        let reason = match refused {
            Some((reason, _)) => reason.clone(),
            None => FallbackReason::StagingBusy {
                needed_bytes: bytes,
            },
        };
        let make = too_small && refused.is_none() && state.asked_bytes < bytes;
        if make {
            state.asked_bytes = bytes.next_multiple_of(GRANULE);
        }
        Lease::Unavailable { reason, make }
    }

    /// Makes the slots, as many as the budget allows; called by the registrar. Those that are there go
    /// when new ones are, or where the budget has no room for both.
    pub(crate) fn make_slots(
        &self,
        bytes: usize,
        registration: &Arc<dyn HostRegistration>,
        budget: &Arc<Budget>,
    ) {
        let bytes = bytes.next_multiple_of(GRANULE);
        let mut slots = Vec::new();
        let fill = |slots: &mut Vec<_>| {
            while slots.len() < self.count {
                slots.push(Arc::new(make_slot(bytes, registration, budget)?));
            }
            Ok(())
        };
        let mut filled = fill(&mut slots);
        if matches!(filled, Err(FallbackReason::OverBudget { .. })) {
            self.clear();
            filled = fill(&mut slots);
        }
        if let Err(reason) = filled
            && slots.is_empty()
        {
            return self.refused(bytes, reason);
        }
        let mut state = mutex::lock(&self.slots);
        state.answered(bytes);
        state.refused = None;
        let former = std::mem::replace(&mut state.slots, slots);
        // Unregistering is the driver's work, so not under the lock.
        drop(state);
        drop(former);
    }

    /// Notes that slots of this size cannot be had now.
    pub(crate) fn refused(&self, bytes: usize, reason: FallbackReason) {
        tracing::info!(%reason, bytes, "no staging slots");
        let mut state = mutex::lock(&self.slots);
        state.answered(bytes.next_multiple_of(GRANULE));
        state.refused = Some((reason, Instant::now()));
    }

    /// Gives every slot up; those in use by a copy go when it has ended.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut mutex::lock(&self.slots).slots);
        drop(slots);
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
        debug_assert!(bytes.len() <= self.slot.memory.memory().bytes());
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
