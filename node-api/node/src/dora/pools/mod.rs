//! The pools of a node's outputs: each output has slots of its own, all of them share one bound.
//!
//! An output has one pool, sized from its first message. It gets a larger one when a message does not fit, and
//! a further one of the same size where the first had to be made with fewer slots than are wanted and there is
//! room now. Consumers never unmap a segment that they have attached, so pools are few, and messages that grow
//! get slots with room to grow (`sizing`).
//!
//! Invariants:
//! - What all pools have in memory never exceeds the bound.
//! - A pool that its output has outgrown is not written any more, and gives its memory back slot by slot, as
//!   consumers let go of what they hold.
//! - No output keeps another one out: one that has more than its equal part of the bound gives free slots
//!   up for one that has less and finds no room.

mod sizing;

use std::collections::{BTreeMap, BTreeSet};

use dora_message::id::DataId;
use zenoh_pinned::{FallbackReason, PinnedPool, PoolError, PoolStatistics};

use super::Settings;
use crate::arrow_stream::PAGE_BYTES;
use sizing::{Plan, Situation};

/// Pools that an output writes at the same time.
const MAX_POOLS: usize = 4;

/// Why there is no pool for a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPool {
    #[error("it needs {needed_bytes} bytes, {left_bytes} of {max_bytes} are left")]
    OverBudget {
        needed_bytes: u64,
        left_bytes: u64,
        max_bytes: u64,
    },
    /// There will be room when consumers have let go of what they hold of other pools.
    #[error("consumers hold the memory of other pools")]
    Held,
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    NoSharedMemory(FallbackReason),
}

#[derive(Debug)]
pub(crate) struct Pools {
    name: String,
    slots: Option<u32>,
    /// Outputs that are held back while their consumers are slow.
    held_back: BTreeSet<DataId>,
    max_bytes: u64,
    outputs: BTreeMap<DataId, Vec<PinnedPool>>,
    /// Those that are only kept until consumers have let go of them.
    outgrown: Vec<PinnedPool>,
}

impl Pools {
    pub(crate) fn new(name: String, settings: &Settings) -> Self {
        Self {
            name,
            slots: settings.slots,
            held_back: BTreeSet::new(),
            max_bytes: settings.max_bytes,
            outputs: BTreeMap::new(),
            outgrown: Vec::new(),
        }
    }

    /// The pools that an output writes.
    pub(crate) fn of(&self, output: &DataId) -> &[PinnedPool] {
        self.outputs.get(output).map_or(&[], Vec::as_slice)
    }

    /// Those of them whose slots hold `bytes`.
    pub(crate) fn fitting(&self, output: &DataId, bytes: usize) -> Vec<&PinnedPool> {
        let pools = self.of(output).iter();
        pools.filter(|pool| slot_bytes(pool) >= bytes).collect()
    }

    /// Says of an output that has no pool yet that it is held back while its consumers are slow.
    pub(crate) fn hold_back(&mut self, output: &DataId) {
        if self.of(output).is_empty() {
            self.held_back.insert(output.clone());
        }
    }

    /// How many slots an output is to have for messages of `bytes`.
    fn wanted(&self, output: &DataId, bytes: usize) -> u32 {
        let is_held_back = self.held_back.contains(output);
        let usual = || sizing::usual_slots(bytes, is_held_back);
        self.slots.unwrap_or_else(usual)
    }

    /// Whether an output has as many slots for messages of `bytes` as it is to have.
    pub(crate) fn has_all_slots(&self, output: &DataId, bytes: usize) -> bool {
        let fitting = self.fitting(output, bytes);
        let there: u32 = fitting.iter().map(|pool| pool.statistics().slots).sum();
        let largest = fitting.iter().map(|pool| slot_bytes(pool)).max();
        there >= self.wanted(output, largest.unwrap_or(bytes))
    }

    /// Those that will give memory back.
    pub(crate) fn outgrown(&self) -> &[PinnedPool] {
        &self.outgrown
    }

    /// Those whose memory a message may be waiting for, the likeliest first.
    pub(crate) fn that_are_held(&self) -> impl Iterator<Item = &PinnedPool> {
        self.outgrown.iter().chain(self.outputs.values().flatten())
    }

    /// What pool an output may have in addition, for messages of `bytes`; `Ok(None)` where it has as many
    /// slots for them as are wanted.
    pub(crate) fn plan(&mut self, output: &DataId, bytes: usize) -> Result<Option<Plan>, NoPool> {
        self.collect();
        let fitting = self.fitting(output, bytes);
        let there: u32 = fitting.iter().map(|pool| pool.statistics().slots).sum();
        // What is added to a pool has the same size.
        let largest = fitting.iter().map(|pool| slot_bytes(pool)).max();
        let (is_first, pools) = (fitting.is_empty(), fitting.len());
        let bytes = largest.unwrap_or(bytes);
        let slots = self.wanted(output, bytes).saturating_sub(there);
        if slots == 0 || pools >= MAX_POOLS {
            return Ok(None);
        }
        let mut planned = self.plan_now(output, bytes, slots);
        let least = slots.min(2);
        if is_first && planned.is_none_or(|plan| plan.slots < least) {
            self.give_up_outgrown_slots(output, bytes);
            planned = self.plan_now(output, bytes, slots);
        }
        if is_first && planned.is_none_or(|plan| plan.slots < slots) {
            self.take_from_others(output, bytes, slots);
            planned = self.plan_now(output, bytes, slots);
        }
        match planned {
            Some(plan) => Ok(Some(plan)),
            None if !is_first => Ok(None),
            None => Err(self.refusal(output, bytes)),
        }
    }

    fn plan_now(&self, output: &DataId, bytes: usize, slots: u32) -> Option<Plan> {
        let too_small: Vec<_> = self.too_small(output, bytes).collect();
        sizing::plan(&Situation {
            bytes,
            slots,
            outgrown_slot_bytes: too_small.iter().map(|pool| slot_bytes(pool)).max(),
            outgrown_bytes: too_small.iter().map(|pool| pool.statistics().bytes).sum(),
            left_bytes: self.left_bytes(),
        })
    }

    /// Makes a pool as planned, which no output has yet.
    pub(crate) fn make(&self, plan: Plan) -> Result<PinnedPool, NoPool> {
        let pool = PinnedPool::builder()
            .name(&self.name)
            .slots(plan.slots)
            .slot_bytes(plan.slot_bytes)
            .build()?;
        if let Some(reason) = pool.reason() {
            return Err(NoPool::NoSharedMemory(reason.clone()));
        }
        if self.slots.is_some_and(|slots| plan.slots < slots) {
            tracing::info!(
                slots = plan.slots,
                asked_for = self.slots,
                slot_bytes = plan.slot_bytes,
                "the pool has fewer slots: raise ZENOH_PINNED_MAX_BYTES for more"
            );
        }
        Ok(pool)
    }

    /// Has an output write a pool from now on, and none with smaller slots.
    pub(crate) fn adopt(&mut self, output: &DataId, pool: PinnedPool) {
        let pools = self.outputs.entry(output.clone()).or_default();
        let is_outgrown = |other: &PinnedPool| slot_bytes(other) < slot_bytes(&pool);
        let (outgrown, mut kept): (Vec<_>, _) = pools.drain(..).partition(is_outgrown);
        kept.push(pool);
        *pools = kept;
        self.outgrown.extend(outgrown);
        self.collect();
    }

    /// Gives the memory of a pool back that no output writes.
    pub(crate) fn give_up(&mut self, pool: PinnedPool) {
        self.outgrown.push(pool);
        self.collect();
    }

    /// Gives the memory of an output back that is closed.
    pub(crate) fn close(&mut self, output: &DataId) {
        self.outgrown
            .extend(self.outputs.remove(output).unwrap_or_default());
        self.collect();
    }

    /// Of the pools that are written, and of those whose memory is still held.
    pub(crate) fn statistics(&self) -> Vec<PoolStatistics> {
        let written = self.outputs.values().flatten();
        let all = written.chain(&self.outgrown);
        all.map(PinnedPool::statistics).collect()
    }

    /// Takes back what consumers have let go of.
    fn collect(&mut self) {
        self.outgrown.retain(|pool| pool.shrink_to(0) > 0);
    }

    fn left_bytes(&self) -> u64 {
        let used = self.statistics().iter().map(|pool| pool.bytes).sum();
        self.max_bytes.saturating_sub(used)
    }

    /// Pools of an output whose slots do not hold `bytes`.
    fn too_small(&self, output: &DataId, bytes: usize) -> impl Iterator<Item = &PinnedPool> {
        let pools = self.of(output).iter();
        pools.filter(move |pool| slot_bytes(pool) < bytes)
    }

    /// A message that does not fit matters more than free slots for smaller ones.
    fn give_up_outgrown_slots(&mut self, output: &DataId, bytes: usize) {
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

    /// Takes free slots of outputs that have more than an equal part, until this one can have its own.
    fn take_from_others(&mut self, output: &DataId, bytes: usize, slots: u32) {
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

    /// Whether waiting helps a message for which no slot can be made.
    fn refusal(&self, output: &DataId, bytes: usize) -> NoPool {
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

fn slot_bytes(pool: &PinnedPool) -> usize {
    pool.statistics().slot_bytes
}

/// How many slots an output keeps, whatever another one wants.
fn slots_to_keep(pool: &PinnedPool, part: u64) -> u32 {
    sizing::fitting(slot_bytes(pool), part).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn pools(max_bytes: u64) -> Pools {
        let settings = Settings {
            slots: Some(4),
            max_bytes,
            ..Settings::default()
        };
        Pools::new(String::from("test"), &settings)
    }

    fn id(output: &str) -> DataId {
        DataId::from(output.to_owned())
    }

    /// Takes the way of a message up to its slot.
    fn slot(pools: &mut Pools, output: &str, bytes: usize) -> Result<zenoh_pinned::Slot, NoPool> {
        let output = id(output);
        let free = |pools: &Pools| {
            let fitting = pools.fitting(&output, bytes);
            fitting.iter().find_map(|pool| pool.try_alloc(bytes).ok())
        };
        if let Some(slot) = free(pools) {
            return Ok(slot);
        }
        if let Some(plan) = pools.plan(&output, bytes)? {
            let pool = pools.make(plan)?;
            pools.adopt(&output, pool);
        }
        assert!(pools.left_bytes() <= pools.max_bytes);
        let used: u64 = pools.statistics().iter().map(|pool| pool.bytes).sum();
        assert!(used <= pools.max_bytes, "{used} of {}", pools.max_bytes);
        free(pools).ok_or(NoPool::Held)
    }

    #[test]
    fn one_pool_serves_all_messages_of_an_output_that_fit_its_slots() {
        let mut pools = pools(1 << 20);
        for bytes in [10_000, 1, 5000, 12_288] {
            drop(slot(&mut pools, "image", bytes).unwrap());
            assert_eq!(pools.statistics().len(), 1, "{bytes}");
        }
        let small = pools.statistics()[0].bytes;
        drop(slot(&mut pools, "image", 12_289).unwrap());
        // It has room for messages that grow a little, and the first one's memory is free again.
        drop(slot(&mut pools, "image", 24_000).unwrap());
        drop(slot(&mut pools, "image", 1).unwrap());
        let statistics = pools.statistics();
        assert_eq!(statistics.len(), 1);
        assert!(statistics[0].bytes > small);
    }

    #[test]
    fn the_bound_lowers_the_slots_and_then_refuses() {
        let mut pools = pools(100_000);
        drop(slot(&mut pools, "image", 40_000).unwrap());
        assert_eq!(pools.statistics()[0].slots, 2);
        let refused = slot(&mut pools, "image", 98_000).unwrap_err();
        assert!(matches!(
            refused,
            NoPool::OverBudget {
                needed_bytes: 98_000,
                max_bytes: 100_000,
                ..
            }
        ));
        // What fits goes on.
        drop(slot(&mut pools, "image", 100).unwrap());
    }

    #[test]
    fn messages_that_grow_are_never_locked_out_of_a_bound_that_holds_them() {
        for sizes in [
            &[16, 17, 33, 65][..],
            &[8, 9, 17, 33],
            &[31, 126],
            &[1, 2, 3, 5, 9, 17, 33, 65, 130, 251],
        ] {
            let mut pools = pools(256 << 20);
            pools.slots = Some(8);
            // A consumer keeps each message until the next one arrives, where two of them fit.
            let mut held = None;
            for size in sizes {
                for _ in 0..3 {
                    if *size > 128 {
                        held = None;
                    }
                    let next = slot(&mut pools, "image", size * MIB);
                    let next = next.unwrap_or_else(|error| panic!("{sizes:?} at {size}: {error}"));
                    drop(held.replace(next.into_shm()));
                }
            }
        }
    }

    #[test]
    fn a_pool_that_was_made_short_gets_its_other_slots_when_there_is_room() {
        let mut pools = pools(100 << 20);
        let kept = slot(&mut pools, "image", 30 * MIB).unwrap().into_shm();
        let bytes = 40 * MIB;
        let first = slot(&mut pools, "image", bytes).unwrap().into_shm();
        assert_eq!(pools.fitting(&id("image"), bytes)[0].statistics().slots, 1);
        drop(kept);
        let second = slot(&mut pools, "image", bytes).unwrap().into_shm();
        assert!(matches!(
            slot(&mut pools, "image", bytes),
            Err(NoPool::Held)
        ));
        drop((first, second));
    }

    #[test]
    fn an_output_that_is_kept_full_leaves_the_others_their_slots() {
        let mut pools = pools(4 << 20);
        // As many as there are: a consumer that reads nothing.
        let camera: Vec<_> = std::iter::from_fn(|| {
            slot(&mut pools, "image", MIB - 4096)
                .ok()
                .map(zenoh_pinned::Slot::into_shm)
        })
        .collect();
        assert_eq!(camera.len(), 4);
        let bytes = MIB - 8192;
        let lidar = slot(&mut pools, "points", bytes).unwrap_err();
        assert!(matches!(lidar, NoPool::Held), "{lidar}");
        // As soon as slots come free, they are the other's, up to its part.
        drop(camera);
        let lidar = slot(&mut pools, "points", bytes).unwrap();
        assert_eq!(pools.of(&id("points"))[0].statistics().slots, 2);
        assert_eq!(pools.of(&id("image"))[0].statistics().slots, 2);
        drop(lidar);
    }
}
