//! The protocol of a lane: one writer, any number of readers, newest value or next in sequence.
//!
//! Holds: a word `newest`, the number of the newest whole message, and `N` slots, each the words of a record and behind
//! them a version word. Message `n`, counted from 1, lies in slot `(n - 1) % N`. A slot's version is `2n - 1` while message `n` is
//! being written and `2n` once it is whole.
//!
//! Who may write what: the lane's one writer writes all of it; readers write nothing, and may map it read-only.
//!
//! Why no reader takes a torn message: it copies the words between two looks at the version. Whoever copies a word of a
//! later message `m` of the slot has read what was stored after the writer's release fence, so the reader's acquire
//! fence, which comes after the copy, makes the store of `2m - 1` visible, and the second look sees at least that. In
//! the other direction the first look acquires `2n`, which was stored after all words of `n`, so no earlier word is
//! copied. (Boehm, "Can seqlocks get along with programming language memory models?", 2012.) The model checker runs
//! this file below.
//!
//! Nobody waits: the writer never looks at a reader, and a reader gives up after a fixed number of tries. On x86-64 all
//! of it is plain moves.
//!
//! A writer that is killed within a message leaves `newest` and the other slots as they were. Its successor goes on
//! behind every number that a version names ([`Lane::resume`]), so no number is used for two messages.
//!
//! Knowingly weak: another process that may write the memory can write anything. Numbers are therefore checked before
//! they are counted with, and a record is as trustworthy as whoever may write it.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::copy::{self, Bytes};

/// A message number beyond this is no message's: at a million messages a second it would take 70,000 years.
const LAST_NUMBER: u64 = 1 << 61;

/// A 64-bit atomic: the standard library's, or the model checker's.
pub(crate) trait Word: Sized {
    fn load(&self, order: Ordering) -> u64;
    fn store(&self, value: u64, order: Ordering);
    fn fence(order: Ordering);
    /// Stores a record, relaxed.
    fn store_all(words: &[Self], record: &[Bytes]);
    /// Loads a record, relaxed.
    fn load_all(words: &[Self], record: &mut [Bytes]);
}

impl Word for AtomicU64 {
    #[inline]
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    #[inline]
    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    #[inline]
    fn fence(order: Ordering) {
        fence(order);
    }

    #[inline]
    fn store_all(words: &[Self], record: &[Bytes]) {
        copy::to_shared(words, record);
    }

    #[inline]
    fn load_all(words: &[Self], record: &mut [Bytes]) {
        copy::from_shared(words, record);
    }
}

/// The words of a lane, wherever they lie.
#[derive(Debug)]
pub(crate) struct Lane<'a, W = AtomicU64> {
    newest: &'a W,
    /// Slot after slot, each `slot_words` long: the record, the version, and what is left of the line.
    slots: &'a [W],
    slot_words: usize,
    record_words: usize,
}

/// Why a reader has nothing to give, other than that there is nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The writer wrote over each message while it was read. Read again, or give the ring more slots.
    #[error(
        "the writer was faster than this reader at every try; read again, or give the ring more slots"
    )]
    Overrun,
    /// The number of the newest message is none that a writer gives.
    #[error(
        "the newest message's number is {newest} after {last}, which no writer of this library stores: \
         something else writes to the region"
    )]
    Malformed {
        /// The number that was found.
        newest: u64,
        /// The number of the message that was read last.
        last: u64,
    },
    /// This process was forked after it had attached the region.
    #[error("attached before this process was forked; attach the region anew here")]
    Forked,
}

/// Which message was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The message's number: 1 for the first, one more for each.
    pub sequence: u64,
    /// How many messages lie between this one and the one that this reader read before.
    pub missed: u64,
}

impl<'a, W: Word> Lane<'a, W> {
    /// A lane over words that somebody made room for: `slots.len()` is a multiple of `slot_words`, which is more than
    /// `record_words`.
    pub(crate) fn new(
        newest: &'a W,
        slots: &'a [W],
        slot_words: usize,
        record_words: usize,
    ) -> Self {
        Self {
            newest,
            slots,
            slot_words,
            record_words,
        }
    }

    fn count(&self) -> u64 {
        (self.slots.len() / self.slot_words) as u64
    }

    /// The version and the record's words of message `number`'s slot.
    #[inline]
    fn slot(&self, number: u64) -> (&'a W, &'a [W]) {
        let index = (number.wrapping_sub(1) % self.count()) as usize;
        let slot = &self.slots[index * self.slot_words..][..self.slot_words];
        (&slot[self.record_words], &slot[..self.record_words])
    }

    /// Writes message `number`. Only the one writer calls this, each time with a number that is higher than before.
    #[inline]
    pub(crate) fn write(&self, number: u64, record: &[Bytes]) {
        let (version, words) = self.slot(number);
        version.store(2 * number - 1, Ordering::Relaxed);
        // Whoever sees a word that is stored below sees the version above.
        W::fence(Ordering::Release);
        W::store_all(words, record);
        // Release: whoever sees the version, or the number, sees all words.
        version.store(2 * number, Ordering::Release);
        self.newest.store(number, Ordering::Release);
    }

    /// The number that the next message of a new writer has; `None` where the words hold none that a writer stored.
    pub(crate) fn resume(&self) -> Option<u64> {
        // Relaxed: the lock that made this process the writer orders it behind its predecessor.
        let begun = (1..=self.count()).map(|slot| self.slot(slot).0.load(Ordering::Relaxed));
        let begun = begun.map(|version| version.div_ceil(2)).max()?;
        let number = begun
            .max(self.newest.load(Ordering::Relaxed))
            .saturating_add(1);
        (number < LAST_NUMBER).then_some(number)
    }

    /// Copies message `number`; false where its slot does not hold it whole all the while.
    #[inline]
    fn copy(&self, number: u64, record: &mut [Bytes]) -> bool {
        let (version, words) = self.slot(number);
        // Acquire: a whole message's words are seen with its version.
        if version.load(Ordering::Acquire) != 2 * number {
            return false;
        }
        W::load_all(words, record);
        // A word of a later message brings that message's version along.
        W::fence(Ordering::Acquire);
        version.load(Ordering::Relaxed) == 2 * number
    }

    /// The number of the newest message; `None` where it is still `last`.
    #[inline]
    fn newer_than(&self, last: u64) -> Result<Option<u64>, ReadError> {
        // Acquire: the message with that number is whole for whoever sees it.
        let newest = self.newest.load(Ordering::Acquire);
        if newest == last {
            return Ok(None);
        }
        if newest < last || newest >= LAST_NUMBER {
            return Err(ReadError::Malformed { newest, last });
        }
        Ok(Some(newest))
    }

    /// Copies the newest message, unless it is `last`. Where there is an error, `record` holds anything.
    #[inline]
    pub(crate) fn read_newest(
        &self,
        last: u64,
        tries: usize,
        record: &mut [Bytes],
    ) -> Result<Option<Stamp>, ReadError> {
        for _ in 0..tries {
            let Some(newest) = self.newer_than(last)? else {
                return Ok(None);
            };
            if self.copy(newest, record) {
                let missed = newest - last - 1;
                return Ok(Some(Stamp {
                    sequence: newest,
                    missed,
                }));
            }
        }
        Err(ReadError::Overrun)
    }

    /// Copies the oldest message after `last` that is still there. Where there is an error, `record` holds anything.
    pub(crate) fn read_next(
        &self,
        last: u64,
        tries: usize,
        record: &mut [Bytes],
    ) -> Result<Option<Stamp>, ReadError> {
        for _ in 0..tries {
            let Some(newest) = self.newer_than(last)? else {
                return Ok(None);
            };
            let oldest = (last + 1).max((newest + 1).saturating_sub(self.count()));
            // A message that its writer did not finish before it died is passed over as well.
            if let Some(number) = (oldest..=newest).find(|number| self.copy(*number, record)) {
                let missed = number - last - 1;
                return Ok(Some(Stamp {
                    sequence: number,
                    missed,
                }));
            }
        }
        Err(ReadError::Overrun)
    }
}

#[cfg(test)]
mod tests;
