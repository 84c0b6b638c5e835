//! Headers whose slots were taken back, until no reference of theirs can return any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    evidence::Snapshot,
    headers::HeaderPlace,
    references::{self, CLAIMED, CountWord},
};
use crate::os::life::Life;

/// How long a header is kept at least, once those that were attached have gone: a process that never
/// attached anything may still have a descriptor of it unread.
pub(super) const AT_LEAST: Duration = Duration::from_secs(60);

/// The most headers that a process gives up this way: half of the first metadata segment of zenoh.
pub(super) const AT_MOST: usize = 16_384;

/// Those of all pools of this process.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The number that a header's chunk gets: inside its slot, and the start of none.
pub(super) fn tombstone_of(chunk: u32) -> u32 {
    chunk | 1
}

/// Whether a chunk number is that of a tombstone: slots start at whole pages.
pub(crate) fn is_tombstone(chunk: u32) -> bool {
    chunk & 1 == 1
}

/// How many headers wait, over all pools of this process.
pub(super) fn count() -> usize {
    // Relaxed: a number, compared with a bound that need not be exact.
    COUNT.load(Ordering::Relaxed)
}

/// A header that waits.
#[derive(Debug)]
pub(super) struct Tombstone {
    place: HeaderPlace,
    /// Who was attached when its slot was suspected.
    attached: Arc<Snapshot>,
    since: Instant,
}

impl Tombstone {
    pub(super) fn new(place: HeaderPlace, attached: Arc<Snapshot>) -> Self {
        COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            place,
            attached,
            since: Instant::now(),
        }
    }

    pub(super) fn place(&self) -> &HeaderPlace {
        &self.place
    }

    /// Gives the header back to zenoh if nothing can return to it any more; `true` if it is done with.
    /// `attached_now` is asked only where the answer depends on it.
    pub(super) fn settle(&self, attached_now: impl FnOnce() -> Arc<Snapshot>) -> bool {
        let word = &self.place.header().references;
        let count = CountWord::load(word);
        if !self.is_ours() || count > 2 * CLAIMED {
            // An unsafe collection has freed it, or somebody else has written to it.
            return true;
        }
        // Fewer than claimed: more came back than was out, which is nobody's reference any more.
        let settled = count <= CLAIMED
            || self.since.elapsed() >= AT_LEAST
                && self
                    .attached
                    .all_others_are_gone_in(&attached_now(), Life::of);
        // Asking took a while; what has changed meanwhile is looked at again another time.
        settled && self.is_ours() && references::give_up(word, count)
    }

    /// Whether the header still is the one that was claimed.
    fn is_ours(&self) -> bool {
        self.place.is_same_generation() && is_tombstone(self.place.header().described().1)
    }
}

impl Drop for Tombstone {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}
