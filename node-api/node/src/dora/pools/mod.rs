//! The pools of a node's outputs: each output has slots of its own, all of them share one bound.
//!
//! Holds: which output writes which pools (here), how large a further pool is (`sizing`), and how outputs share the
//! bound (`sharing`).
//!
//! An output has one pool, sized from its first message. It gets a larger one when a message does not fit. It gets a
//! further one of the same size where the first was made short of slots and there is room now. Consumers never unmap a
//! segment that they have attached, so pools are few, and messages that grow get slots with room to grow.
//!
//! Who may write what: whoever holds the mutex around the state of the outputs. No locks of its own.
//!
//! Invariants:
//! - What all pools have in memory never exceeds the bound.
//! - A pool that its output has outgrown is not written any more, and gives its memory back slot by slot, as
//!   consumers let go of what they hold.
//! - No output keeps another one out: one that has more than its equal part of the bound gives free slots
//!   up for one that has less and finds no room.
//!
//! Knowingly weak: slots that consumers hold cannot be taken, so an output may wait for its part.

mod sharing;
mod sizing;

use std::collections::{BTreeMap, BTreeSet};

use dora_message::id::DataId;
use zenoh_pinned::{FallbackReason, PinnedPool, PoolError, PoolStatistics};

use super::Settings;
use sizing::{Plan, Situation};

/// The most pools that an output writes at the same time.
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
    /// There will be room when consumers have let go of slots of other pools.
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
    /// Outputs whose first message asked for a wait.
    held_back: BTreeSet<DataId>,
    max_bytes: u64,
    outputs: BTreeMap<DataId, Vec<PinnedPool>>,
    /// Pools that no output writes any more, and of which consumers still hold slots.
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

    /// The pools that an output writes and whose slots hold `bytes`.
    pub(crate) fn fitting(&self, output: &DataId, bytes: usize) -> Vec<&PinnedPool> {
        let pools = self.of(output).iter();
        pools.filter(|pool| slot_bytes(pool) >= bytes).collect()
    }

    /// Notes that an output waits for its consumers rather than drop messages. Without effect once it has a pool.
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

    /// Pools that no output writes any more; they give their memory back as consumers let go of it.
    pub(crate) fn outgrown(&self) -> &[PinnedPool] {
        &self.outgrown
    }

    /// The pools whose memory a message may be waiting for, the likeliest first.
    pub(crate) fn that_are_held(&self) -> impl Iterator<Item = &PinnedPool> {
        self.outgrown.iter().chain(self.outputs.values().flatten())
    }

    /// The further pool that an output may have for messages of `bytes`; `Ok(None)` where it needs none, or where there
    /// is no room to add to the slots that it has.
    pub(crate) fn plan(&mut self, output: &DataId, bytes: usize) -> Result<Option<Plan>, NoPool> {
        self.collect();
        let fitting = self.fitting(output, bytes);
        let there: u32 = fitting.iter().map(|pool| pool.statistics().slots).sum();
        // Slots that are added are as large as those that are there.
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

    /// Makes a pool as planned, for nobody yet.
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

    /// Gives a pool to an output, which stops writing those with smaller slots.
    pub(crate) fn adopt(&mut self, output: &DataId, pool: PinnedPool) {
        let pools = self.outputs.entry(output.clone()).or_default();
        let is_outgrown = |other: &PinnedPool| slot_bytes(other) < slot_bytes(&pool);
        let (outgrown, mut kept): (Vec<_>, _) = pools.drain(..).partition(is_outgrown);
        kept.push(pool);
        *pools = kept;
        self.outgrown.extend(outgrown);
        self.collect();
    }

    /// Gives back the memory of a pool that no output writes.
    pub(crate) fn give_up(&mut self, pool: PinnedPool) {
        self.outgrown.push(pool);
        self.collect();
    }

    /// Gives back the memory of an output that is closed.
    pub(crate) fn close(&mut self, output: &DataId) {
        self.outgrown
            .extend(self.outputs.remove(output).unwrap_or_default());
        self.collect();
    }

    /// Of the pools that are written, by output, and then of those whose memory consumers still hold.
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

    /// The pools that an output writes and whose slots do not hold `bytes`.
    fn too_small(&self, output: &DataId, bytes: usize) -> impl Iterator<Item = &PinnedPool> {
        let pools = self.of(output).iter();
        pools.filter(move |pool| slot_bytes(pool) < bytes)
    }
}

fn slot_bytes(pool: &PinnedPool) -> usize {
    pool.statistics().slot_bytes
}

#[cfg(test)]
mod tests;
