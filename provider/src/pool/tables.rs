//! The tables of a pool: which slots exist, and which of them are free.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use crate::{
    budget::HostShare,
    os::clock::{LastUse, Moment},
    segment::{Segment, SegmentError, layout::SegmentLayout},
};

/// A segment, and the state of each of its slots.
#[derive(Debug)]
pub(super) struct PoolSegment {
    pub(super) segment: Arc<Segment>,
    pub(super) layout: SegmentLayout,
    pub(super) class: usize,
    pub(super) slots: Vec<SlotState>,
    pub(super) last_use: LastUse,
    /// Bytes of the slots that were given up.
    pub(super) given_up_bytes: u64,
    /// Goes after the segment.
    pub(super) share: HostShare,
}

impl PoolSegment {
    /// The numbers of the slots that are out.
    pub(super) fn taken(&self) -> impl Iterator<Item = u32> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(index, slot)| (*slot != SlotState::Free).then_some(index))
    }

    pub(super) fn is_in_use(&self) -> bool {
        let is_taken = |slot: &SlotState| matches!(slot, SlotState::Taken(..));
        self.slots.iter().any(is_taken)
    }

    /// Slots that were given up for good.
    pub(super) fn given_up(&self) -> u32 {
        let given_up = self
            .slots
            .iter()
            .filter(|slot| **slot == SlotState::GivenUp);
        u32::try_from(given_up.count()).unwrap_or(u32::MAX)
    }
}

/// Whether a slot is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    Free,
    /// The number of the allocation, and when it was made.
    Taken(u64, Moment),
    /// Never handed out again: its memory has been given back.
    GivenUp,
}

/// A size class, and which of its slots there are.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) size: SizeClass,
    /// Free slots, as (segment id, slot index). The last released is taken first: its bytes are the likeliest to be
    /// in a cache.
    pub(super) free: Vec<(u32, u32)>,
    /// Slots there are.
    pub(super) made: u32,
    /// Why and when the class could not grow the last time.
    pub(super) growth_error: Option<(Arc<SegmentError>, Instant)>,
}

impl Class {
    pub(super) fn empty(size: SizeClass) -> Self {
        Self {
            size,
            free: Vec::new(),
            made: 0,
            growth_error: None,
        }
    }

    /// Slots that may still be added.
    pub(super) fn missing(&self) -> u32 {
        self.size.slots.saturating_sub(self.made)
    }
}

/// Slots of one size. A class is a reservation: small frames never take the slots of large ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeClass {
    /// Bytes of a slot, whole pages.
    pub(super) slot_bytes: usize,
    /// Slots that the class may have.
    pub(super) slots: u32,
    /// Slots added at a time.
    pub(super) slots_per_segment: u32,
}

/// Written under the mutex of `slots::Slots` only.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) segments: BTreeMap<u32, PoolSegment>,
    /// By size of their slots.
    pub(super) classes: Vec<Class>,
    pub(super) in_use: u32,
}

impl Tables {
    /// Marks a slot free if it is allocated and `decide`, given the number of the allocation, says so.
    pub(super) fn release(
        &mut self,
        id: u32,
        offset: u32,
        decide: impl FnOnce(u64) -> bool,
    ) -> bool {
        let Some(owner) = self.segments.get_mut(&id) else {
            return false;
        };
        let index = owner.layout.slot_at(offset as usize);
        let slot = index.and_then(|index| Some((index, owner.slots.get_mut(index as usize)?)));
        let Some((index, state)) = slot else {
            return false;
        };
        match *state {
            SlotState::Taken(allocation, _) if decide(allocation) => *state = SlotState::Free,
            _ => return false,
        }
        owner.last_use.note();
        self.in_use -= 1;
        if let Some(class) = self.classes.get_mut(owner.class) {
            class.free.push((id, index));
        }
        true
    }

    pub(super) fn segments_in(&self, class: usize) -> usize {
        self.of_class(class).count()
    }

    pub(super) fn of_class(&self, class: usize) -> impl Iterator<Item = &PoolSegment> {
        let owners = self.segments.values();
        owners.filter(move |owner| owner.class == class)
    }
}
