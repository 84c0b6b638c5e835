//! What a pool shows of itself to others, once a second.

use super::slots::Slots;
use crate::figures::{HasFigures, PoolFigures, ProcessFigures};

impl HasFigures for Slots {
    fn add_figures(&self, figures: &mut ProcessFigures) {
        let statistics = self.statistics();
        let quarantine = self.quarantine.now();
        let most_frequent = quarantine
            .iter()
            .max_by_key(|quarantined| quarantined.slots);
        figures.pools.push(PoolFigures {
            name: self.pool_name.clone(),
            slots: statistics.slots,
            in_use: statistics.in_use,
            quarantined: statistics.quarantined,
            quarantine_reason: most_frequent
                .map(|quarantined| quarantined.reason.to_string())
                .unwrap_or_default(),
            allocations: statistics.allocations,
            waits: statistics.waits,
            timeouts: statistics.timeouts,
            waited: statistics.waited,
            reclaimed: statistics.reclaimed,
            rejected_releases: statistics.rejected_releases,
        });
    }
}
