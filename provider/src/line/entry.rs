//! An entry of a lane: zenoh's descriptor of a buffer, and what is put beside it.
//!
//! | word | what |
//! |---|---|
//! | 0 | the buffer's length in bytes |
//! | 1 | its header: metadata segment (16 bits), index (16), generation (32) |
//! | 2 | when it was put, in nanoseconds of the monotonic clock |
//! | 3, 4, 5 | the publisher's timestamp: time (NTP), id; all zero for none |
//! | 6 | length of the attachment in bytes; all ones for none |
//! | 7 .. | the attachment |
//!
//! Written and read word by word; a mixture of two entries is never used (`ring`).

use std::sync::atomic::Ordering;

use super::layout::{ENTRY_WORDS, EntryWords};

const ATTACHMENT_AT: usize = 7;
/// The longest attachment that an entry takes, in bytes.
pub const MAX_ATTACHMENT_BYTES: usize = 8 * (ENTRY_WORDS - ATTACHMENT_AT);
const NO_ATTACHMENT: u64 = u64::MAX;

/// What zenoh hands over of a buffer in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) bytes: u64,
    pub(super) metadata: u16,
    pub(super) index: u16,
    pub(super) generation: u32,
}

/// A publisher's timestamp as zenoh has it: the time (NTP, 64 bits) and the id of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// NTP64 of `uhlc`.
    pub time: u64,
    /// `uhlc`'s id, little-endian; never zero.
    pub clock: u128,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) descriptor: Descriptor,
    pub(super) put_at: u64,
    pub(super) stamp: Option<Stamp>,
    pub(super) attachment: Option<Vec<u8>>,
}

// Relaxed throughout: the ring's positions order entries.
impl Entry {
    /// The attachment has at most [`MAX_ATTACHMENT_BYTES`].
    pub(super) fn write(
        words: &EntryWords,
        descriptor: Descriptor,
        put_at: u64,
        stamp: Option<Stamp>,
        attachment: Option<&[u8]>,
    ) {
        let write = |at: usize, value: u64| {
            if let Some(word) = words.get(at) {
                word.store(value, Ordering::Relaxed);
            }
        };
        write(0, descriptor.bytes);
        let header = u64::from(descriptor.metadata) << 48
            | u64::from(descriptor.index) << 32
            | u64::from(descriptor.generation);
        write(1, header);
        write(2, put_at);
        let Stamp { time, clock } = stamp.unwrap_or(Stamp { time: 0, clock: 0 });
        write(3, time);
        write(4, clock as u64);
        write(5, (clock >> 64) as u64);
        let length = attachment.map(|attachment| attachment.len() as u64);
        write(6, length.unwrap_or(NO_ATTACHMENT));
        for (at, bytes) in (ATTACHMENT_AT..).zip(attachment.unwrap_or_default().chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            write(at, u64::from_le_bytes(padded));
        }
    }

    /// `None` where the length of the attachment cannot be.
    pub(super) fn read(words: &EntryWords) -> Option<Self> {
        let read = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        let header = read(1);
        let clock = u128::from(read(5)) << 64 | u128::from(read(4));
        let attachment = match read(6) {
            NO_ATTACHMENT => None,
            bytes => {
                let bytes = usize::try_from(bytes).ok()?;
                if bytes > MAX_ATTACHMENT_BYTES {
                    return None;
                }
                let words = ATTACHMENT_AT..ATTACHMENT_AT + bytes.div_ceil(8);
                let mut attachment: Vec<u8> = words.flat_map(|at| read(at).to_le_bytes()).collect();
                attachment.truncate(bytes);
                Some(attachment)
            }
        };
        Some(Self {
            descriptor: Descriptor {
                bytes: read(0),
                metadata: (header >> 48) as u16,
                index: (header >> 32) as u16,
                generation: header as u32,
            },
            put_at: read(2),
            stamp: (clock != 0).then_some(Stamp {
                time: read(3),
                clock,
            }),
            attachment,
        })
    }

    /// When the entry was put.
    pub(super) fn put_at(words: &EntryWords) -> u64 {
        words.get(2).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    const DESCRIPTOR: Descriptor = Descriptor {
        bytes: 8_294_400,
        metadata: 0xfedc,
        index: 32_767,
        generation: u32::MAX,
    };

    fn words() -> EntryWords {
        std::array::from_fn(|_| AtomicU64::new(0xa5a5_a5a5_a5a5_a5a5))
    }

    #[test]
    fn an_entry_reads_back_as_written() {
        let stamps = [
            None,
            Some(Stamp {
                time: 7,
                clock: u128::MAX - 1,
            }),
        ];
        for stamp in stamps {
            for length in [
                None,
                Some(0),
                Some(1),
                Some(8),
                Some(9),
                Some(MAX_ATTACHMENT_BYTES),
            ] {
                let words = words();
                let attachment =
                    length.map(|length| (0..length).map(|at| at as u8).collect::<Vec<_>>());
                Entry::write(&words, DESCRIPTOR, 99, stamp, attachment.as_deref());
                let expected = Entry {
                    descriptor: DESCRIPTOR,
                    put_at: 99,
                    stamp,
                    attachment,
                };
                assert_eq!(Entry::read(&words), Some(expected), "{stamp:?} {length:?}");
            }
        }
    }

    #[test]
    fn an_attachment_longer_than_an_entry_is_none() {
        let words = words();
        for bytes in [MAX_ATTACHMENT_BYTES as u64 + 1, u64::MAX - 1, 1 << 63] {
            words[6].store(bytes, Ordering::Relaxed);
            assert_eq!(Entry::read(&words), None);
        }
    }
}
