//! What an account page says: sixteen words in the machine's byte order.
//!
//! | word | field |
//! |---|---|
//! | 0 | magic `ZPINACCT` |
//! | 1 | version in the upper, pid in the lower half |
//! | 2 | start time of the process (clock ticks since boot) |
//! | 3, 4 | bytes and number of the segments it has made |
//! | 5, 6 | bytes and number of its registrations, staging included |
//! | 7 | bytes of staging |
//! | 8, 9 | what it is asking for at this moment, memory and registered |
//! | 10, 11 | what it was refused a moment ago, memory and registered |
//! | 12 | a sum over the words before |
//!
//! Any process of the same user can write anything there. The sum tells a torn or scribbled record; what
//! it cannot tell are lies made on purpose, whose numbers are at least no larger than the machine's memory.

use super::{Purpose, Sums};
use crate::os::account_file::{Contents, RECORD_BYTES, SeenAccount};

pub(super) const MAGIC: [u8; 8] = *b"ZPINACCT";
const VERSION: u64 = 1;
const WORDS: usize = RECORD_BYTES / 8;
const SUM_AT: usize = 12;
/// A record that is being written can be read torn; it is whole again after a few instructions.
const READINGS: usize = 16;

/// The account of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) pid: u32,
    pub(super) start_time: u64,
    pub(super) segment_bytes: u64,
    pub(super) segments: u64,
    pub(super) registered_bytes: u64,
    pub(super) registrations: u64,
    pub(super) staging_bytes: u64,
    /// Counted as if it were held, until its owner has decided.
    pub(super) asked: Sums,
    /// For others to see and give back what they do not use.
    pub(super) wanted: Sums,
}

impl Record {
    /// What is held.
    pub(super) fn held(&self) -> Sums {
        Sums {
            memory: self.segment_bytes.saturating_add(self.staging_bytes),
            registered: self.registered_bytes,
        }
    }

    pub(super) fn add(&mut self, purpose: Purpose, bytes: u64) {
        self.change(purpose, |field| field.saturating_add(bytes), 1);
    }

    pub(super) fn subtract(&mut self, purpose: Purpose, bytes: u64) {
        self.change(purpose, |field| field.saturating_sub(bytes), -1);
    }

    /// As [`Record::subtract`], of something that goes on with fewer bytes.
    pub(super) fn shrink(&mut self, purpose: Purpose, bytes: u64) {
        self.change(purpose, |field| field.saturating_sub(bytes), 0);
    }

    fn change(&mut self, purpose: Purpose, bytes: impl Fn(u64) -> u64, count: i64) {
        if purpose == Purpose::Segment {
            self.segment_bytes = bytes(self.segment_bytes);
            self.segments = self.segments.saturating_add_signed(count);
            return;
        }
        self.registered_bytes = bytes(self.registered_bytes);
        self.registrations = self.registrations.saturating_add_signed(count);
        if purpose == Purpose::Staging {
            self.staging_bytes = bytes(self.staging_bytes);
        }
    }

    pub(super) fn encode(&self) -> Contents {
        let mut words = [0u64; WORDS];
        words[..SUM_AT].copy_from_slice(&[
            u64::from_ne_bytes(MAGIC),
            VERSION << 32 | u64::from(self.pid),
            self.start_time,
            self.segment_bytes,
            self.segments,
            self.registered_bytes,
            self.registrations,
            self.staging_bytes,
            self.asked.memory,
            self.asked.registered,
            self.wanted.memory,
            self.wanted.registered,
        ]);
        words[SUM_AT] = sum_of(&words[..SUM_AT]);
        let mut contents = [0; RECORD_BYTES];
        for (bytes, word) in contents.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        contents
    }

    /// What an account says, read again where it is being written; `None` where it makes no sense.
    pub(super) fn of_seen(seen: &mut SeenAccount, physical_memory: u64) -> Option<Self> {
        for _ in 0..READINGS {
            let contents = seen.contents.as_ref();
            let decoded = contents.and_then(|contents| Self::decode(contents, physical_memory));
            if decoded.is_some() {
                return decoded;
            }
            std::thread::yield_now();
            seen.read_again();
        }
        None
    }

    /// `None` for what no process of a machine with this much memory says.
    pub(super) fn decode(contents: &Contents, physical_memory: u64) -> Option<Self> {
        let mut words = [0u64; WORDS];
        for (word, bytes) in words.iter_mut().zip(contents.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().ok()?);
        }
        let begins_well = words[0] == u64::from_ne_bytes(MAGIC) && words[1] >> 32 == VERSION;
        if !begins_well || words[SUM_AT] != sum_of(&words[..SUM_AT]) {
            return None;
        }
        let record = Self {
            pid: words[1] as u32,
            start_time: words[2],
            segment_bytes: words[3],
            segments: words[4],
            registered_bytes: words[5],
            registrations: words[6],
            staging_bytes: words[7],
            asked: Sums {
                memory: words[8],
                registered: words[9],
            },
            wanted: Sums {
                memory: words[10],
                registered: words[11],
            },
        };
        let held = record.held();
        let sums = [held, record.asked, record.wanted];
        let possible = |sums: &Sums| sums.memory.max(sums.registered) <= physical_memory;
        let consistent = record.staging_bytes <= record.registered_bytes;
        (consistent && sums.iter().all(possible)).then_some(record)
    }
}

/// FNV-1a over the words: enough for tearing and stray writes.
fn sum_of(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |sum, word| {
        (sum ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(23)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: u64 = 1 << 34;

    fn record() -> Record {
        let mut record = Record {
            pid: 77,
            start_time: 5,
            ..Record::default()
        };
        record.add(Purpose::Segment, 1 << 20);
        record.add(Purpose::Registration, 1 << 21);
        record.add(Purpose::Staging, 1 << 22);
        record.asked = Purpose::Staging.sums(3);
        record
    }

    #[test]
    fn a_record_reads_back_as_written_and_what_is_taken_is_given_back() {
        let mut record = record();
        assert_eq!(Record::decode(&record.encode(), MEMORY), Some(record));
        assert_eq!(record.held().memory, (1 << 20) + (1 << 22));
        assert_eq!(record.held().registered, (1 << 21) + (1 << 22));
        for (purpose, bytes) in [
            (Purpose::Segment, 1 << 20),
            (Purpose::Registration, 1 << 21),
            (Purpose::Staging, 1 << 22),
        ] {
            record.subtract(purpose, bytes);
        }
        assert_eq!(record.held(), Sums::default());
        assert_eq!((record.segments, record.registrations), (0, 0));
    }

    #[test]
    fn every_single_scribbled_byte_is_noticed() {
        let contents = record().encode();
        for at in 0..(SUM_AT + 1) * 8 {
            for value in [0u8, 1, 0x7f, 0xff] {
                let mut scribbled = contents;
                scribbled[at] = value;
                let decoded = Record::decode(&scribbled, MEMORY);
                let unchanged = scribbled == contents;
                assert_eq!(decoded.is_some(), unchanged, "byte {at} = {value}");
            }
        }
    }

    #[test]
    fn claims_beyond_the_machines_memory_are_nonsense() {
        for bytes in [MEMORY + 1, u64::MAX] {
            let mut lies = [record(); 4];
            lies[0].segment_bytes = bytes;
            lies[1].registered_bytes = bytes;
            lies[2].asked.memory = bytes;
            lies[3].wanted.registered = bytes;
            for lie in lies {
                assert_eq!(Record::decode(&lie.encode(), MEMORY), None, "{lie:?}");
            }
        }
        let mut inconsistent = record();
        inconsistent.staging_bytes = inconsistent.registered_bytes + 1;
        assert_eq!(Record::decode(&inconsistent.encode(), MEMORY), None);
    }
}
