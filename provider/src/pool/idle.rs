//! Segments that a pool has grown by and does not need any more, given back.
//!
//! A segment goes when none of its slots is allocated, so nobody may read them any more, and never the last
//! one of its size class. zenoh keeps a segment mapped in every process that has ever attached it, so
//! unlinking the file frees nothing while a consumer lives: the pages of the slots are discarded instead
//! (`fallocate`, punching a hole). The header page stays, and the file's name for as long as somebody has
//! it locked.
//!
//! Knowingly weak: a consumer that has the segment registered keeps its pages until its registration has
//! idled too; they count as registered there. One that begins to register it just then brings empty
//! pages back.

use std::time::Duration;

use super::slots::Slots;
use crate::{
    budget::{GivesBack, Idle, Purpose},
    os::file::Identity,
};

impl GivesBack for Slots {
    fn time_to_live(&self) -> Duration {
        self.terms.time_to_live
    }

    fn host_limit(&self) -> u64 {
        self.terms.host_limit
    }

    fn idle(&self) -> Vec<Idle> {
        let mut tables = self.lock();
        let mut idle = Vec::new();
        for owner in tables.segments.values_mut() {
            if owner.is_in_use() {
                owner.last_use.note();
                continue;
            }
            idle.push((
                owner.class,
                Idle {
                    identity: owner.segment.identity(),
                    purpose: Purpose::Segment,
                    bytes: (owner.segment.bytes() as u64).saturating_sub(owner.given_up_bytes),
                    last_used: owner.last_use.moment(),
                },
            ));
        }
        let alone = |class: usize| tables.segments_in(class) < 2;
        idle.retain(|(class, _)| !alone(*class));
        idle.into_iter().map(|(_, idle)| idle).collect()
    }

    fn give_back(&self, idle: &Idle) -> bool {
        self.give_segment_back(idle.identity)
    }
}

/// What a pool leaves behind when it goes: the pages of slots that consumers have let go of, and that would
/// stay for as long as one of them has the segment attached.
impl Drop for Slots {
    fn drop(&mut self) {
        for owner in self.lock().segments.values() {
            if !owner.is_in_use() {
                owner.segment.discard_slots();
            }
        }
    }
}

impl Slots {
    fn give_segment_back(&self, identity: Identity) -> bool {
        let owner = {
            let mut tables = self.lock();
            let found = tables.segments.iter().find(|(_, owner)| {
                let unused = !owner.is_in_use() && tables.segments_in(owner.class) > 1;
                owner.segment.identity() == identity && unused
            });
            let Some((id, class)) = found.map(|(id, owner)| (*id, owner.class)) else {
                return false;
            };
            let owner = tables.segments.remove(&id);
            if let (Some(class), Some(owner)) = (tables.classes.get_mut(class), &owner) {
                class.free.retain(|(segment, _)| *segment != id);
                // What was given up is not made again.
                let lasting = owner.layout.slots().saturating_sub(owner.given_up());
                class.made = class.made.saturating_sub(lasting);
            }
            owner
        };
        let Some(owner) = owner else {
            return false;
        };
        // Nobody can be given one of its slots any more, and nobody has one: system calls need no lock.
        owner.segment.discard_slots();
        self.counters.segments_given_back.add(1);
        tracing::debug!(
            segment = owner.segment.id(),
            bytes = owner.segment.bytes(),
            "an idle segment is given back"
        );
        true
    }
}
