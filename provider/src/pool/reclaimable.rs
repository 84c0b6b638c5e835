//! What reclaiming sees of a pool, and may do to it.

use std::time::Duration;

use super::{slots::Slots, tables::SlotState};
use crate::{
    os::clock::Moment,
    reclaim::{HeldSlot, Quarantine, ReclaimPolicy, ReclaimableSlots},
};

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
        let now = Moment::now();
        let mut held = Vec::new();
        for (segment, owner) in &tables.segments {
            for (index, state) in (0..).zip(&owner.slots) {
                if let SlotState::Taken(allocation, at) = *state
                    && now.since(at) > age
                    && let Ok(offset) = u32::try_from(owner.layout.offset_of(index))
                {
                    held.push(HeldSlot {
                        segment: *segment,
                        offset,
                        allocation,
                    });
                }
            }
        }
        held
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
        self.counters.reclaimed.add(1);
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
