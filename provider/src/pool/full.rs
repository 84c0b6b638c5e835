//! A pool that has no free slot: who has them, and how the caller is told.

use std::time::Duration;

use super::{error::AllocError, holders::Holders, slots::Slots, tables::PoolSegment};
use crate::os::{locks, process};

impl Slots {
    /// Who has slots of this size class, or of any; with the other processes, if asked for.
    pub(super) fn holders(&self, class: Option<usize>, and_processes: bool) -> Holders {
        let mut holders = Holders::default();
        let files: Vec<_> = {
            let tables = self.lock();
            let owners = tables.segments.values();
            let of_class = owners.filter(|owner| class.is_none_or(|class| owner.class == class));
            of_class
                .map(|owner| {
                    let taken = owner.taken();
                    taken.for_each(|slot| holders.count(owner.segment.use_of(slot)));
                    owner.segment.identity()
                })
                .collect()
        };
        if holders.sent > 0 && and_processes {
            // Where the kernel's list cannot be read, nobody is named.
            let attached = locks::holders_of_any(&files).unwrap_or_default();
            let own = std::process::id();
            let others = attached.into_keys().filter(|pid| *pid != own);
            let name = |pid| process::name_of(pid).unwrap_or_else(|| String::from("a process"));
            holders.attached = Some(others.map(|pid| (pid, name(pid))).collect());
        }
        holders
    }

    /// No slot of this class came free while an allocation of `len` bytes waited for as long as it was allowed to.
    pub(super) fn timed_out(&self, class: usize, len: usize, waited: Duration) -> AllocError {
        self.counters.timeouts.add(1);
        let holders = Box::new(self.holders(Some(class), !waited.is_zero()));
        let tables = self.lock();
        let given_up: u32 = tables.of_class(class).map(PoolSegment::given_up).sum();
        let class = tables.classes.get(class);
        let growth = class.and_then(|class| class.growth_error.as_ref());
        let slots = class.map_or(0, |class| class.size.slots);
        AllocError::TimedOut {
            len,
            slots: slots.saturating_sub(given_up),
            waited,
            holders,
            growth: growth.map(|(error, _)| error.clone()),
            quarantine: self.quarantine.now(),
        }
    }
}
