//! Which consumers are known to be unable to attach which pool, over all outputs of a node.
//!
//! Finding it out costs a slot for good, because zenoh leaks the marker that such a consumer received, and a
//! wait. So what one output found is not tried again for another.

use std::collections::{BTreeMap, BTreeSet};

use dora_message::id::NodeId;

use super::{RequiredAcker, pools::PoolIndex};

#[derive(Debug, Default)]
pub(super) struct Refusals {
    pools: BTreeMap<PoolIndex, Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    nodes: BTreeSet<NodeId>,
    lost_markers: u32,
}

impl Refusals {
    /// Those of `consumers` whose node could not attach the pool when it was tried.
    pub(super) fn among(&self, consumers: &[RequiredAcker], pool: PoolIndex) -> Vec<RequiredAcker> {
        let Some(refused) = self.pools.get(&pool) else {
            return Vec::new();
        };
        let is_known = |consumer: &&RequiredAcker| refused.nodes.contains(&consumer.node_id);
        consumers.iter().filter(is_known).cloned().collect()
    }

    /// Takes note of a trial that `consumers` failed.
    pub(super) fn note(
        &mut self,
        consumers: &[RequiredAcker],
        pool: PoolIndex,
        is_marker_lost: bool,
    ) {
        let refused = self.pools.entry(pool).or_default();
        let nodes = consumers.iter().map(|consumer| consumer.node_id.clone());
        refused.nodes.extend(nodes);
        refused.lost_markers += u32::from(is_marker_lost);
    }

    /// How many slots of the pool have been lost to markers.
    pub(super) fn lost_markers(&self, pool: PoolIndex) -> u32 {
        self.pools.get(&pool).map_or(0, |pool| pool.lost_markers)
    }
}
