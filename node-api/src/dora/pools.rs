//! The pools of a node: one, sized from its first message; another only for messages that do not fit it.
//!
//! Consumers never unmap a segment that they have attached, so pools are few: a further one has slots of at
//! least twice the size of the largest so far.

use zenoh_pinned::{FallbackReason, PinnedPool, PoolError, PoolStatistics};

use super::Settings;
use crate::arrow_stream::PAGE_BYTES;

/// Why there is no pool for a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPool {
    #[error("it needs {needed_bytes} bytes, {left_bytes} of {max_bytes} are left")]
    OverBudget {
        needed_bytes: u64,
        left_bytes: u64,
        max_bytes: u64,
    },
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    NoSharedMemory(FallbackReason),
}

/// Names a pool of [`Pools`] for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolIndex(usize);

#[derive(Debug)]
struct SizedPool {
    slot_bytes: usize,
    pool: PinnedPool,
}

#[derive(Debug)]
pub(super) struct Pools {
    name: String,
    slots: u32,
    max_bytes: u64,
    used_bytes: u64,
    pools: Vec<SizedPool>,
}

impl Pools {
    pub(super) fn new(name: String, settings: &Settings) -> Self {
        Self {
            name,
            slots: settings.slots,
            max_bytes: settings.max_bytes,
            used_bytes: 0,
            pools: Vec::new(),
        }
    }

    /// The pool for messages of `bytes` bytes, made where there is none yet.
    pub(super) fn for_bytes(&mut self, bytes: usize) -> Result<PoolIndex, NoPool> {
        let fitting = self.pools.iter().enumerate();
        let smallest = fitting
            .filter(|(_, sized)| sized.slot_bytes >= bytes)
            .min_by_key(|(_, sized)| sized.slot_bytes);
        if let Some((index, _)) = smallest {
            return Ok(PoolIndex(index));
        }
        let largest = self.pools.iter().map(|sized| sized.slot_bytes).max();
        let roomy = largest.map_or(bytes, |largest| bytes.max(largest.saturating_mul(2)));
        match self.add(roomy) {
            Err(NoPool::OverBudget { .. }) if roomy > bytes => self.add(bytes),
            added => added,
        }
    }

    /// The pools made so far.
    pub(super) fn made(&self) -> Vec<PoolIndex> {
        (0..self.pools.len()).map(PoolIndex).collect()
    }

    pub(super) fn get(&self, index: PoolIndex) -> &PinnedPool {
        // An index is only ever made for a pool that is there, and pools are never taken away.
        &self.pools[index.0].pool
    }

    pub(super) fn statistics(&self) -> Vec<PoolStatistics> {
        let statistics = self.pools.iter().map(|sized| sized.pool.statistics());
        statistics.collect()
    }

    /// Adds a pool of as many slots of `slot_bytes` as the bound allows, up to the number asked for.
    fn add(&mut self, slot_bytes: usize) -> Result<PoolIndex, NoPool> {
        let left_bytes = self.max_bytes.saturating_sub(self.used_bytes);
        // In one segment: a marker proves the one that it lies in.
        let segment_bytes = left_bytes.min(u64::from(u32::MAX) - (1 << 20));
        let page = PAGE_BYTES as u64;
        let rounded_bytes = (slot_bytes as u64).checked_next_multiple_of(page);
        let fitting = segment_bytes / rounded_bytes.unwrap_or(u64::MAX).max(page);
        let most = u64::from(self.slots).min(fitting) as u32;
        for slots in (1..=most).rev() {
            let built = PinnedPool::builder()
                .name(&self.name)
                .slots(slots)
                .slot_bytes(slot_bytes)
                .max_bytes(left_bytes)
                .build();
            match built {
                Err(PoolError::OverBudget { .. }) => continue,
                Err(error) => return Err(error.into()),
                Ok(pool) if !is_in_one_segment(&pool) => continue,
                Ok(pool) => return self.adopt(pool, slot_bytes, slots),
            }
        }
        Err(NoPool::OverBudget {
            needed_bytes: slot_bytes as u64,
            left_bytes,
            max_bytes: self.max_bytes,
        })
    }

    fn adopt(
        &mut self,
        pool: PinnedPool,
        slot_bytes: usize,
        slots: u32,
    ) -> Result<PoolIndex, NoPool> {
        if let Some(reason) = pool.reason() {
            return Err(NoPool::NoSharedMemory(reason.clone()));
        }
        if slots < self.slots {
            tracing::warn!(
                slots,
                asked_for = self.slots,
                slot_bytes,
                "the pool has fewer slots"
            );
        }
        let statistics = pool.statistics();
        self.used_bytes = self.used_bytes.saturating_add(statistics.bytes);
        self.pools.push(SizedPool {
            slot_bytes: statistics.slot_bytes.max(slot_bytes),
            pool,
        });
        Ok(PoolIndex(self.pools.len() - 1))
    }
}

/// Whether all slots are in the segment that is there from the start.
fn is_in_one_segment(pool: &PinnedPool) -> bool {
    let statistics = pool.statistics();
    let slots_bytes = u64::from(statistics.slots) * statistics.slot_bytes as u64;
    pool.reason().is_some() || statistics.bytes >= slots_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools(max_bytes: u64) -> Pools {
        let settings = Settings {
            slots: 4,
            max_bytes,
            ..Settings::default()
        };
        Pools::new(String::from("test"), &settings)
    }

    #[test]
    fn one_pool_serves_all_messages_that_fit_its_slots() {
        let mut pools = pools(1 << 20);
        let first = pools.for_bytes(10_000).unwrap();
        for bytes in [1, 5000, 12_288] {
            assert_eq!(pools.for_bytes(bytes).unwrap(), first, "{bytes}");
        }
        let larger = pools.for_bytes(12_289).unwrap();
        assert_ne!(larger, first);
        // It has room for messages that grow a little.
        assert_eq!(pools.for_bytes(24_000).unwrap(), larger);
        assert_eq!(pools.for_bytes(1).unwrap(), first);
        assert_eq!(pools.statistics().len(), 2);
    }

    #[test]
    fn the_bound_lowers_the_slots_and_then_refuses() {
        let mut pools = pools(100_000);
        let pool = pools.for_bytes(40_000).unwrap();
        assert_eq!(pools.get(pool).statistics().slots, 2);
        let refused = pools.for_bytes(50_000).unwrap_err();
        assert!(matches!(
            refused,
            NoPool::OverBudget {
                needed_bytes: 50_000,
                max_bytes: 100_000,
                ..
            }
        ));
        // What was there goes on.
        assert_eq!(pools.for_bytes(100).unwrap(), pool);
    }
}
