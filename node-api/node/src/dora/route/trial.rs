//! Trying whether an output's consumers can attach a pool.

use std::time::{Duration, Instant};

use zenoh::{
    bytes::ZBytes,
    shm::{ShmBuf, zshmmut},
};
use zenoh_pinned::PinnedPool;

use super::{
    Route,
    answers::deadline,
    consumers::{Holders, is_running},
};
use crate::dora::{RequiredAcker, link::description::NodeDescription};

/// How often is checked what other processes have done.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a trial showed.
pub(super) enum Trial {
    AllAttached,
    Refused(Vec<RequiredAcker>),
    /// zenoh's watchdog took the marker back, because this process stood still for too long.
    Void,
}

impl Route {
    /// Sends a marker in the pool, and a second one if the first is void.
    pub(super) fn trial(
        &self,
        node: &NodeDescription,
        pool: &PinnedPool,
        earlier: &[PinnedPool],
        patience: Duration,
    ) -> Trial {
        for _ in 0..2 {
            // The pool is new: if it has no free slot, the first marker has the only one.
            let Ok(marker) = pool.try_alloc(1) else {
                break;
            };
            match self.try_with(&marker.into_shm(), node, pool, earlier, deadline(patience)) {
                Trial::Void => continue,
                trial => return trial,
            }
        }
        Trial::Void
    }

    fn try_with(
        &self,
        marker: &ZBytes,
        node: &NodeDescription,
        pool: &PinnedPool,
        earlier: &[PinnedPool],
        until: Instant,
    ) -> Trial {
        let mut consumers = self.still_there(node, earlier);
        self.answers.forget(until);
        self.answers.mark(&self.publisher, marker.clone());
        let mut asked = self.answers.ask_on(&self.publisher, &consumers, until);
        // A consumer that ended before the output had a pool is not seen by who holds one.
        let has_ended = |consumer: &RequiredAcker| !is_running(&consumer.node_id, node.dataflow_id);
        let (ended, missing) = asked.missing.drain(..).partition(has_ended);
        let ended: Vec<_> = ended;
        asked.missing = missing;
        consumers.retain(|consumer| !ended.contains(consumer));
        let has_come_back = eventually(until, || has_come_back(marker) || is_void(marker));
        if is_void(marker) {
            return Trial::Void;
        }
        if !has_come_back {
            // A consumer that cannot attach answers only the empty markers.
            return Trial::Refused(self.answers.short_of(&consumers, asked.markers + 1));
        }
        let mut lacking = asked.missing;
        if lacking.is_empty() {
            eventually(until, || {
                let holders = Holders::of(pool, node);
                let has_not = |consumer: &&RequiredAcker| !holders.may_be(&consumer.node_id);
                lacking = consumers.iter().filter(has_not).cloned().collect();
                lacking.is_empty()
            });
        }
        match lacking.is_empty() {
            true => Trial::AllAttached,
            false => Trial::Refused(lacking),
        }
    }
}

/// Whether `condition` came to hold in time.
pub(super) fn eventually(until: Instant, mut condition: impl FnMut() -> bool) -> bool {
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether this is the only reference to the marker.
pub(super) fn has_come_back(marker: &ZBytes) -> bool {
    marker
        .as_shm()
        .is_some_and(|shared| <&zshmmut>::try_from(shared).is_ok())
}

/// Whether zenoh has declared the marker's memory invalid.
fn is_void(marker: &ZBytes) -> bool {
    marker.as_shm().is_some_and(|shared| !shared.is_valid())
}
