//! What a pool has counted since its beginning.

use std::collections::HashMap;

use super::callbacks::{EvictReason, Happened, WorkerEvent};

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) answered: u64,
    pub(super) refused: HashMap<&'static str, u64>,
    pub(super) failed: HashMap<&'static str, u64>,
    pub(super) batches: u64,
    pub(super) batched: u64,
    pub(super) started: u64,
    pub(super) ended: u64,
    pub(super) evicted: HashMap<EvictReason, u64>,
}

impl Counts {
    pub(super) fn count(&mut self, happened: &[(Happened, WorkerEvent)]) {
        for (happened, _) in happened {
            match happened {
                Happened::Spawned => self.started += 1,
                Happened::Evicted(reason) => *self.evicted.entry(*reason).or_default() += 1,
                Happened::Ready => {}
            }
        }
    }
}
