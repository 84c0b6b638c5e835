//! One bound, shared by all outputs: who gives slots up for whom.

use std::collections::BTreeSet;

use dora_message::id::DataId;
use zenoh_pinned::PinnedPool;

use super::{NoPool, Pools, sizing, slot_bytes};
use crate::arrow_stream::PAGE_BYTES;

impl Pools {
    /// Gives up the free slots that are too small for a message of `bytes`, which has no pool yet.
    pub(super) fn give_up_outgrown_slots(&mut self, output: &DataId, bytes: usize) {
        for pool in self.too_small(output, bytes) {
            pool.shrink_to(0);
        }
        if let Some(pools) = self.outputs.get_mut(output) {
            let (empty, kept) = pools
                .drain(..)
                .partition(|pool| pool.statistics().slots == 0);
            *pools = kept;
            drop::<Vec<_>>(empty);
        }
    }

    /// Takes free slots from outputs that have more than an equal part, until there is room for the slots of this one.
    pub(super) fn take_from_others(&mut self, output: &DataId, bytes: usize, slots: u32) {
        let part = self.equal_part(output);
        let wanted = slots.min(sizing::fitting(bytes, part)).max(1);
        let wanted_bytes = sizing::segment_bytes(bytes, wanted);
        for (_, pool) in self.others(output) {
            let keep = slots_to_keep(pool, part);
            while self.left_bytes() < wanted_bytes {
                let slots = pool.statistics().slots;
                if slots <= keep || pool.shrink_to(slots - 1) == slots {
                    break;
                }
            }
        }
    }

    /// The bound, divided among the outputs that have pools and `output`.
    fn equal_part(&self, output: &DataId) -> u64 {
        let others: BTreeSet<_> = self.others(output).map(|(id, _)| id).collect();
        self.max_bytes / (others.len() as u64 + 1)
    }

    fn others(&self, output: &DataId) -> impl Iterator<Item = (&DataId, &PinnedPool)> {
        let others = self.outputs.iter().filter(move |(id, _)| *id != output);
        others.flat_map(|(id, pools)| pools.iter().map(move |pool| (id, pool)))
    }

    /// Why there is no slot for a message: whether waiting helps.
    pub(super) fn refusal(&self, output: &DataId, bytes: usize) -> NoPool {
        let part = self.equal_part(output);
        let own = self.too_small(output, bytes).chain(&self.outgrown);
        let own: u64 = own.map(|pool| pool.statistics().bytes).sum();
        let beyond_parts: u64 = self
            .others(output)
            .map(|(_, pool)| {
                let kept = sizing::segment_bytes(slot_bytes(pool), slots_to_keep(pool, part));
                pool.statistics().bytes.saturating_sub(kept)
            })
            .sum();
        let left_bytes = self.left_bytes();
        let needed_bytes = sizing::segment_bytes(bytes, 1);
        let in_the_end = left_bytes.saturating_add(own).saturating_add(beyond_parts);
        match in_the_end >= needed_bytes {
            true => NoPool::Held,
            false => NoPool::OverBudget {
                needed_bytes: bytes as u64,
                left_bytes: in_the_end.saturating_sub(PAGE_BYTES as u64),
                max_bytes: self.max_bytes,
            },
        }
    }
}

/// How many slots a pool keeps, whatever another output wants.
fn slots_to_keep(pool: &PinnedPool, part: u64) -> u32 {
    sizing::fitting(slot_bytes(pool), part).max(1)
}
