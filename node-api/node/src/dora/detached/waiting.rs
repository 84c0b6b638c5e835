//! Waiting for a slot, with no lock of the outputs held: one output's consumers do not hold up another output.

use std::time::{Duration, Instant};

use zenoh_pinned::{AllocError, PinnedPool, Slot};

/// The first and the longest time after which it is worth looking again for what is not waited for. The longest is
/// one after which a wait asks whether it was interrupted.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// What a message waits for that found no free slot.
#[derive(Debug)]
pub(crate) struct Full {
    /// Pools that fit it, or those whose memory will make room for one.
    pub(crate) pools: Vec<PinnedPool>,
    /// Whether a slot of them is of use.
    pub(crate) are_fitting: bool,
    /// Whether nothing else than their slots is worth waiting for.
    pub(crate) are_all: bool,
    pub(crate) error: AllocError,
}

/// One message's wait.
pub(crate) struct Waiting {
    bytes: usize,
    started: Instant,
    wait: Duration,
    look_again: Duration,
    turns: usize,
}

impl Waiting {
    /// A wait of at most `wait` for a slot of `bytes`.
    pub(crate) fn new(bytes: usize, wait: Duration) -> Self {
        Self {
            bytes,
            started: Instant::now(),
            wait,
            look_again: LOOK_AGAIN.0,
            turns: 0,
        }
    }

    pub(crate) fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a slot; `Ok(None)` where it is worth looking again for one.
    ///
    /// # Errors
    /// What the pool says: the time is over, the wait was interrupted, or the pool is broken.
    pub(crate) fn wait_for(&mut self, full: Full) -> Result<Option<Slot>, AllocError> {
        let left = self.wait.saturating_sub(self.waited());
        let is_final = !matches!(full.error, AllocError::TimedOut { .. });
        if left.is_zero() || is_final {
            return Err(full.error);
        }
        let Some(pool) = full.pools.get(self.turns % full.pools.len().max(1)) else {
            return Err(full.error);
        };
        self.turns += 1;
        let (bytes, wait) = match full.are_fitting && full.are_all && full.pools.len() == 1 {
            true => (self.bytes, left),
            false => {
                let wait = self.look_again.min(left);
                self.look_again = (self.look_again * 2).min(LOOK_AGAIN.1);
                (if full.are_fitting { self.bytes } else { 1 }, wait)
            }
        };
        match pool.alloc_timeout(bytes, wait) {
            Ok(slot) if full.are_fitting => Ok(Some(slot)),
            // What has come free makes room for a pool.
            Ok(_) => Ok(None),
            Err(AllocError::TimedOut { .. }) if self.waited() < self.wait => Ok(None),
            Err(error) => Err(error),
        }
    }
}
