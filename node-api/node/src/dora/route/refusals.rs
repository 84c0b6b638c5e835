//! Which consumers are known to be unable to attach how large a pool, over all outputs of a node.
//!
//! A trial costs a wait, and where it fails a slot's memory for good: zenoh leaks the marker that such a consumer
//! received. So what a trial for one output has shown is not tried again for another.

use std::collections::BTreeMap;

use dora_message::id::NodeId;

use crate::dora::RequiredAcker;

/// The bytes of the smallest pool that each node could not attach.
#[derive(Debug, Default)]
pub(crate) struct Refusals(BTreeMap<NodeId, u64>);

impl Refusals {
    /// Those of `consumers` whose node could not attach such a pool, or a smaller one, when it was tried.
    pub(crate) fn among(&self, consumers: &[RequiredAcker], pool_bytes: u64) -> Vec<RequiredAcker> {
        let is_known = |consumer: &&RequiredAcker| {
            let refused = self.0.get(&consumer.node_id);
            refused.is_some_and(|refused| *refused <= pool_bytes)
        };
        consumers.iter().filter(is_known).cloned().collect()
    }

    /// Takes note of a trial that `consumers` failed.
    pub(crate) fn note(&mut self, consumers: &[RequiredAcker], pool_bytes: u64) {
        for consumer in consumers {
            let smallest = self.0.entry(consumer.node_id.clone()).or_insert(u64::MAX);
            *smallest = pool_bytes.min(*smallest);
        }
    }
}
