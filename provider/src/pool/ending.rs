//! The end of a process whose last frames are still on their way.
//!
//! A frame that was put is a descriptor in a socket; what it describes lies in the producer's segment and in
//! zenoh's metadata, and both go with the process. So the exit waits, for as long as the pool says
//! ([`super::PinnedPoolBuilder::linger`]), until every slot has come back. A consumer that holds on to the last
//! frames makes it wait for all of that time: zenoh does not tell a frame that is held from one that is unread.
//!
//! It is an exit handler, registered when the first frame is sent: zenoh's own, which take its metadata away,
//! were registered before and run later. A process that ends by a signal has no exit handlers; nor has one that
//! calls `_exit`. A forked child waits for nothing.

use std::{
    sync::{Mutex, Once, Weak},
    time::{Duration, Instant},
};

use super::{SharedPool, kept, parked};
use crate::os::{self, per_process::PerProcess};

/// How long a pool lingers unless it is told otherwise.
pub(super) const DEFAULT_LINGER: Duration = Duration::from_millis(500);
/// How often the slots are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

static POOLS: PerProcess<Mutex<Vec<Weak<SharedPool>>>> = PerProcess::new(Mutex::default);

/// Makes the process's exit wait for what this pool has sent.
pub(super) fn linger_for(pool: Weak<SharedPool>) {
    let mut pools = POOLS.lock();
    pools.retain(|known| known.strong_count() > 0);
    pools.push(pool);
}

/// Called when a frame is about to be sent, or a thread is about to look for slots.
pub(super) fn at_exit() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| os::exit::before_zenoh_ends(wait_for_frames_on_their_way, patience));
}

/// The longest that any pool lingers, and something for the looking.
fn patience() -> Duration {
    // Whoever holds the lock may be the interrupted thread itself.
    let pools = POOLS.try_lock();
    let longest = pools.ok().and_then(|pools| {
        let lingers = pools.iter().filter_map(Weak::upgrade);
        lingers.map(|pool| pool.linger).max()
    });
    longest.unwrap_or(DEFAULT_LINGER).max(DEFAULT_LINGER) + Duration::from_millis(500)
}

fn wait_for_frames_on_their_way() {
    let pools: Vec<_> = POOLS
        .lock()
        .iter()
        .filter_map(Weak::upgrade)
        .filter(|pool| pool.made_here.holds())
        .collect();
    let started = Instant::now();
    let on_their_way = || {
        let of_pools = pools.iter().any(|pool| {
            pool.collect();
            started.elapsed() < pool.linger && pool.slots.statistics().in_use > 0
        });
        let of_parked = parked::linger().is_some_and(|linger| started.elapsed() < linger);
        of_pools || of_parked
    };
    while on_their_way() {
        std::thread::sleep(LOOK_EVERY);
    }
    kept::end();
    parked::end();
    os::exit::end_rounds();
    // Nothing is unmapped any more while the process ends. A pool that is dropped later is not parked either: that
    // would wait for ever for the lock that `end` has taken.
    std::mem::forget(pools);
}
