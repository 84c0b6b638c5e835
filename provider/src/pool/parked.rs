//! Providers whose pool has gone while chunks of it are still held or on their way.
//!
//! zenoh forgets a chunk's metadata with its provider: messages on their way are then invalid at their
//! receivers, and a late release could be counted for another buffer. So a provider stays until its last
//! chunk has come back, or the process ends.

use std::sync::{Arc, Mutex, PoisonError};

use zenoh::shm::ShmProvider;

use super::{PinnedHostShmProviderBackend, slots::Slots};

/// What remains of a pool.
pub(super) struct Parked {
    pub(super) provider: ShmProvider<PinnedHostShmProviderBackend>,
    pub(super) slots: Arc<Slots>,
}

static PARKED: Mutex<Vec<Parked>> = Mutex::new(Vec::new());

impl Parked {
    fn is_in_use(&self) -> bool {
        self.provider.garbage_collect();
        self.slots.statistics().in_use > 0
    }
}

/// Keeps the provider for as long as chunks of it are in use.
pub(super) fn park(provider: Parked) {
    if provider.is_in_use() {
        PARKED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(provider);
    }
    release_unused();
}

/// Lets the parked providers go whose chunks have all come back. Called whenever a pool comes or goes.
pub(super) fn release_unused() {
    let unused = {
        let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
        let (in_use, unused) = parked.drain(..).partition(Parked::is_in_use);
        *parked = in_use;
        let unused: Vec<Parked> = unused;
        unused
    };
    drop(unused);
}
