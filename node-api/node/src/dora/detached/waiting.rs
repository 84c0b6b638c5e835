//! Waiting for a message's destination. No lock is held meanwhile, so an output whose consumers are slow does not hold
//! up the others.

use std::time::{Duration, Instant};

use dora_message::id::DataId;
use zenoh_pinned::{AllocError, Slot};

use super::DetachedOutputs;
use crate::dora::{
    PinnedOptions, SendError,
    sending::placing::{Attempt, Destination, Full},
};

/// A pool wakes whoever waits for its slots. What else may come, a further pool for instance, is looked for in turns:
/// the first wait is this long, each later one twice as long as the one before.
const FIRST_TURN: Duration = Duration::from_millis(2);
/// The longest of these waits. Each of them notices an interruption when it is over.
const LONGEST_TURN: Duration = Duration::from_millis(64);

/// What came of waiting for a destination.
pub(super) enum Found {
    Ready(Destination),
    /// No slot came free in time, or the pool is broken. Not counted yet.
    Full {
        source: AllocError,
        waited: Duration,
    },
}

impl DetachedOutputs {
    /// A destination for a message of `bytes`; waits for a slot as `options` say, and counts the message where none
    /// comes free.
    pub(super) fn destination(
        &self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Destination, SendError> {
        let (source, waited) = match self.find_destination(output, bytes, options)? {
            Found::Ready(destination) => return Ok(destination),
            Found::Full { source, waited } => (source, waited),
        };
        let mut sending = self.lock();
        let entry = sending.entry(output);
        if options.drops() && matches!(source, AllocError::TimedOut { .. }) {
            entry.count_dropped(output);
            return Ok(Destination::Nowhere);
        }
        entry.count_timeout();
        Err(SendError::Full {
            output: output.clone(),
            waited,
            source,
        })
    }

    /// As [`DetachedOutputs::destination`], but counts nothing.
    pub(super) fn find_destination(
        &self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Found, SendError> {
        let mut wait = None;
        loop {
            let mut sending = self.lock();
            if options.waits() {
                sending.pools.hold_back(output);
            }
            let full = match sending.attempt(output, bytes)? {
                Attempt::Ready(destination) => {
                    if wait.is_none() {
                        sending.entry(output).do_consumers_stand_still = false;
                    }
                    return Ok(Found::Ready(destination));
                }
                Attempt::Full(full) => full,
            };
            let stand_still = sending.entry(output).do_consumers_stand_still;
            drop(sending);
            let wait = wait.get_or_insert_with(|| SlotWait::new(bytes, options.wait(stand_still)));
            match wait.wait_for(full) {
                Ok(Some(slot)) => return Ok(Found::Ready(Destination::Slot(slot))),
                Ok(None) => {}
                Err(source) => {
                    self.lock().entry(output).do_consumers_stand_still = true;
                    let waited = wait.waited();
                    return Ok(Found::Full { source, waited });
                }
            }
        }
    }
}

/// One message's wait for a slot.
struct SlotWait {
    bytes: usize,
    started: Instant,
    longest: Duration,
    turn: Duration,
    turns: usize,
}

impl SlotWait {
    /// A wait of at most `longest` for a slot of `bytes`.
    fn new(bytes: usize, longest: Duration) -> Self {
        Self {
            bytes,
            started: Instant::now(),
            longest,
            turn: FIRST_TURN,
            turns: 0,
        }
    }

    fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a slot; `Ok(None)` says that looking for a destination again is worth while.
    ///
    /// # Errors
    /// What the pool says: the time is over, the wait was interrupted, or the pool is broken.
    fn wait_for(&mut self, full: Full) -> Result<Option<Slot>, AllocError> {
        let left = self.longest.saturating_sub(self.waited());
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
                let wait = self.turn.min(left);
                self.turn = (self.turn * 2).min(LONGEST_TURN);
                (if full.are_fitting { self.bytes } else { 1 }, wait)
            }
        };
        match pool.alloc_timeout(bytes, wait) {
            Ok(slot) if full.are_fitting => Ok(Some(slot)),
            // The slot is too small: given back, it makes room for a further pool.
            Ok(_) => Ok(None),
            Err(AllocError::TimedOut { .. }) if self.waited() < self.longest => Ok(None),
            Err(error) => Err(error),
        }
    }
}
