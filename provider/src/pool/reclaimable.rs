//! What reclaiming sees of a pool, and may do to it.

use std::time::Duration;

use super::{
    slots::Slots,
    tables::{PoolSegment, SlotState},
};
use crate::reclaim::{HeldSlot, Quarantine, ReclaimPolicy, ReclaimableSlots};

impl ReclaimableSlots for Slots {
    fn name(&self) -> &str {
        &self.pool_name
    }

    fn policy(&self) -> ReclaimPolicy {
        self.terms.reclaim
    }

    fn held_longer_than(&self, age: Duration) -> Vec<HeldSlot> {
        let tables = self.lock();
        if tables.in_use == 0 {
            return Vec::new();
        }
        let of_segment = |(id, owner): (&u32, &PoolSegment)| {
            let (id, layout) = (*id, owner.layout);
            let slots = (0..).zip(owner.slots.clone());
            slots.filter_map(move |(index, state)| match state {
                SlotState::Taken(allocation, at) if at.elapsed() > age => Some(HeldSlot {
                    segment: id,
                    offset: u32::try_from(layout.offset_of(index)).ok()?,
                    allocation,
                }),
                _ => None,
            })
        };
        tables.segments.iter().flat_map(of_segment).collect()
    }

    fn any_held(&self) -> bool {
        self.lock().in_use > 0
    }

    fn take_back_if(&self, slot: &HeldSlot, decide: &mut dyn FnMut() -> bool) -> bool {
        let mut tables = self.lock();
        let is_same = |allocation| allocation == slot.allocation;
        if !tables.release(slot.segment, slot.offset, |allocation| {
            is_same(allocation) && decide()
        }) {
            return false;
        }
        self.counters.reclaimed();
        let segment = tables.segments.get(&slot.segment);
        let segment = segment.map(|owner| owner.segment.clone());
        drop(tables);
        if let Some(segment) = segment {
            segment.announce_release();
        }
        true
    }

    fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }
}
