//! The thread that looks after the pools of this process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, Weak},
    time::{Duration, Instant},
};

use super::{
    ReclaimPolicy, ReclaimableSlots,
    headers::Headers,
    own_rounds, probe,
    quarantine::QuarantineReason,
    sweep::{Activity, PoolSweep},
};
use crate::os::{exit, per_process::PerProcess};

/// Metadata that is not as known is looked at again after this time: the probe may have been disturbed.
const PROBE_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Metadata that could not be looked at.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Pools that the thread has not come to know yet, and whether it runs.
#[derive(Default)]
struct Arrivals {
    pools: Vec<Weak<dyn ReclaimableSlots>>,
    is_running: bool,
}

/// A forked child has its parent's memory, not its thread: it begins anew.
static ARRIVALS: PerProcess<Mutex<Arrivals>> = PerProcess::new(Mutex::default);

/// Takes the slots of a pool back from consumers that die, for as long as the pool lives.
pub(crate) fn watch(slots: Weak<dyn ReclaimableSlots>, policy: ReclaimPolicy) {
    if policy == ReclaimPolicy::Never {
        return;
    }
    let mut arrivals = ARRIVALS.lock();
    arrivals.pools.push(slots);
    if arrivals.is_running {
        return;
    }
    let thread = std::thread::Builder::new().name(String::from("zpin-reclaim"));
    match thread.spawn(run) {
        Ok(_) => arrivals.is_running = true,
        Err(error) => tracing::warn!(%error, "slots of consumers that die will not come back"),
    }
}

fn run() {
    let mut pools: Vec<PoolSweep> = Vec::new();
    let mut metadata = Metadata::default();
    loop {
        {
            let mut arrivals = ARRIVALS.lock();
            pools.extend(arrivals.pools.drain(..).map(PoolSweep::new));
            if pools.is_empty() {
                arrivals.is_running = false;
                return;
            }
        }
        let Some(round) = exit::enter_round() else {
            // The process ends, and this thread with it: what it holds cannot be given back any more.
            loop {
                std::thread::park();
            }
        };
        let mut soonest = Activity::Idle;
        pools.retain_mut(|pool| {
            let sweep = AssertUnwindSafe(|| pool.sweep(|| metadata.known()));
            match catch_unwind(sweep) {
                Ok(Some(activity)) => {
                    soonest = soonest.min(activity);
                    true
                }
                Ok(None) => false,
                // Its next sweep may succeed; the other pools are swept all the same.
                Err(_) => true,
            }
        });
        drop(round);
        std::thread::sleep(Duration::from_millis(match soonest {
            Activity::Suspecting => 25,
            Activity::InUse => 100,
            Activity::Idle => 250,
        }));
    }
}

/// zenoh's metadata of this process, mapped when it is first needed.
#[derive(Default)]
struct Metadata {
    headers: Option<Headers>,
    refused: Option<(Instant, QuarantineReason)>,
}

impl Metadata {
    /// # Errors
    /// Why nothing can be taken back: the pool says so where it has something to take back.
    fn known(&mut self) -> Result<&mut Headers, QuarantineReason> {
        // Each round is to be counted, also where nobody asks at this moment.
        own_rounds::seen();
        let headers = match self.headers.take() {
            Some(headers) => headers,
            None => self.probed()?,
        };
        Ok(self.headers.insert(headers))
    }

    fn probed(&mut self) -> Result<Headers, QuarantineReason> {
        if let Some((at, reason)) = &self.refused {
            let again_after = match reason {
                QuarantineReason::UnknownLayout => PROBE_AGAIN_AFTER,
                _ => LOOK_AGAIN_AFTER,
            };
            if at.elapsed() < again_after {
                return Err(reason.clone());
            }
        }
        let mut headers = Headers::default();
        let reason = match probe::layout_is_known(&mut headers) {
            Ok(true) => {
                own_rounds::begin(&mut headers);
                exit::end_rounds_before_zenoh();
                return Ok(headers);
            }
            Ok(false) => QuarantineReason::UnknownLayout,
            Err(error) => QuarantineReason::of_unreadable(&error),
        };
        self.refused = Some((Instant::now(), reason.clone()));
        Err(reason)
    }
}
