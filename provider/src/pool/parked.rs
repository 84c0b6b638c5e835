//! Providers whose pool has gone while chunks of it are still held or on their way.
//!
//! zenoh forgets a chunk's metadata with its provider: messages on their way are then invalid at their
//! receivers, and a late release could be counted for another buffer. So a provider stays until its last
//! chunk has come back, or the process ends.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh::shm::ShmProvider;

use super::{PinnedHostShmProviderBackend, kept, slots::Slots};
use crate::os::per_process::PerProcess;

/// What remains of a pool.
pub(super) struct Parked {
    pub(super) provider: ShmProvider<PinnedHostShmProviderBackend>,
    pub(super) slots: Arc<Slots>,
    pub(super) linger: Duration,
}

/// How often the parked providers are looked after, while there are any.
const SWEEP_EVERY: Duration = Duration::from_millis(50);

/// Set at exit: zenoh's own handlers take away what collecting garbage needs.
static ENDING: AtomicBool = AtomicBool::new(false);

static PARKED: PerProcess<Mutex<Vec<Parked>>> = PerProcess::new(Mutex::default);

impl Parked {
    fn is_in_use(&self) -> bool {
        kept::let_go();
        self.provider.garbage_collect();
        let statistics = self.slots.statistics();
        if statistics.in_use > 0 {
            return true;
        }
        if statistics.tombstones == 0 {
            return false;
        }
        // Headers of reclaimed slots wait for late references; the memory need not.
        self.slots.release_segments();
        true
    }
}

/// Keeps the provider for as long as chunks of it are in use.
pub(super) fn park(provider: Parked) {
    if !provider.is_in_use() {
        return;
    }
    let mut parked = PARKED.lock();
    parked.push(provider);
    if parked.len() == 1 {
        let sweeper = std::thread::Builder::new().name(String::from("zpin-parked"));
        // Without a thread what is parked stays until the process ends.
        let _ = sweeper.spawn(|| {
            // Relaxed: one sweep more does no harm.
            while !ENDING.load(Ordering::Relaxed) && !release_unused() {
                std::thread::sleep(SWEEP_EVERY);
            }
        });
    }
}

/// The longest that the process's exit should wait for chunks of parked providers; `None` where all have
/// come back.
pub(super) fn linger() -> Option<Duration> {
    let parked = PARKED.lock();
    let in_use = parked.iter().filter(|parked| {
        kept::let_go();
        parked.provider.garbage_collect();
        parked.slots.statistics().in_use > 0
    });
    in_use.map(|parked| parked.linger).max()
}

/// Lets every parked provider stay where it is, as the process ends.
pub(super) fn end() {
    ENDING.store(true, Ordering::Relaxed);
    // Nobody sweeps behind this any more.
    std::mem::forget(PARKED.lock());
}

/// Lets the providers go whose chunks have all come back; `true` once none is left.
fn release_unused() -> bool {
    let (unused, none_left) = {
        let mut parked = PARKED.lock();
        if ENDING.load(Ordering::Relaxed) {
            return true;
        }
        let (in_use, unused): (Vec<_>, Vec<_>) = parked.drain(..).partition(Parked::is_in_use);
        *parked = in_use;
        (unused, parked.is_empty())
    };
    // Unmapping and unlinking need no lock.
    drop(unused);
    none_left
}
