//! Giving slots up for good, and their memory with them, while others of the same segment are in use.
//!
//! The pages of a slot that is free are discarded as in [`super::idle`], and the slot is never handed out again.
//! The segment keeps its length, and so do the mappings of those who have attached it.

use super::{slots::Slots, tables::SlotState};

impl Slots {
    /// Gives free slots up until only `keep` are left, in use or free; how many are left.
    pub(super) fn shrink_to(&self, keep: u32) -> u32 {
        let mut left = self.statistics().slots;
        while left > keep && self.give_up_one() {
            left -= 1;
        }
        left
    }

    /// Gives a free slot up, one of the largest; `false` where none is free.
    fn give_up_one(&self) -> bool {
        let (id, segment, from, bytes) = {
            let mut tables = self.lock();
            let mut largest = tables.classes.iter_mut().rev();
            let Some((id, index)) = largest.find_map(|class| class.free.pop()) else {
                return false;
            };
            let Some(owner) = tables.segments.get_mut(&id) else {
                return false;
            };
            if let Some(state) = owner.slots.get_mut(index as usize) {
                *state = SlotState::GivenUp;
            }
            let from = owner.layout.offset_of(index) as u64;
            let bytes = owner.layout.slot_bytes() as u64;
            (id, owner.segment.clone(), from, bytes)
        };
        // Nobody can be given it any more, and nobody has it: system calls need no lock.
        let is_discarded = segment.discard(from, bytes);
        if let Some(owner) = self.lock().segments.get_mut(&id)
            && is_discarded
        {
            owner.given_up_bytes += bytes;
            owner.share.shrink(bytes);
        }
        true
    }
}
