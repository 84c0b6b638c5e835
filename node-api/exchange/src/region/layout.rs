//! What lies where in a region.
//!
//! Words of 64 bits, in lines of 64 bytes:
//! ```text
//! line 0            magic, hash of the layout
//! line 1, line 2    of each writer: how often there was one, process number of the last
//! then, lane after lane:
//!   one line        number of the newest message
//!   slot after slot record, version, rest of the line
//! ```

use std::{ops::Range, sync::atomic::AtomicU64};

use crate::{protocol::Lane, record::Record};

/// The first word of every region: `zpxchg` and the version of what stands above.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"zpxchg\0\x01");

const LINE_WORDS: usize = 8;
pub(crate) const MAGIC_WORD: usize = 0;
pub(crate) const HASH_WORD: usize = 1;
const HEADER_LINES: usize = 3;

/// Who writes to a lane. There is one of each in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whoever makes the region.
    Owner = 0,
    /// Whoever answers.
    Answerer = 1,
}

impl Role {
    /// How often there was such a writer.
    pub(crate) fn incarnation_word(self) -> usize {
        LINE_WORDS * (1 + self as usize)
    }

    /// The process of the last one.
    pub(crate) fn pid_word(self) -> usize {
        self.incarnation_word() + 1
    }
}

/// Where one lane lies, in words from the start of the region.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    newest: usize,
    slots: Range<usize>,
    slot_words: usize,
    record_words: usize,
}

impl Place {
    /// The lane in the words of a region of this layout.
    #[inline]
    pub(crate) fn in_words<'a>(&self, words: &'a [AtomicU64]) -> Lane<'a> {
        Lane::new(
            &words[self.newest],
            &words[self.slots.clone()],
            self.slot_words,
            self.record_words,
        )
    }
}

/// A layout while lanes are added to it, and afterwards.
#[derive(Clone, Debug)]
pub(crate) struct RegionLayout {
    words: usize,
    hash: u64,
}

impl RegionLayout {
    pub(crate) fn new() -> Self {
        Self {
            words: HEADER_LINES * LINE_WORDS,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// Adds a lane of records `T`, `slots` of them; the place tells where it is.
    pub(crate) fn add<T: Record>(&mut self, role: Role, slots: usize) -> Place {
        let record_words = size_of::<T>() / size_of::<u64>();
        let slot_words = (record_words + 1).next_multiple_of(LINE_WORDS);
        let first = self.words + LINE_WORDS;
        let place = Place {
            newest: self.words,
            slots: first..first + slots * slot_words,
            slot_words,
            record_words,
        };
        self.words = place.slots.end;
        self.hash_in(T::NAME.as_bytes());
        let numbers = [
            role as usize,
            slots,
            size_of::<T>(),
            T::NAME.len(),
            cfg!(target_endian = "big").into(),
        ];
        for number in numbers {
            self.hash_in(&(number as u64).to_le_bytes());
        }
        place
    }

    /// FNV-1a: it tells layouts apart that differ by accident, not those of somebody who wants them to be taken for the same.
    fn hash_in(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn words(&self) -> usize {
        self.words
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.words * size_of::<u64>()) as u64
    }
}
