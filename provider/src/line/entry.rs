//! An entry of a lane: zenoh's descriptor of a buffer, or a few bytes themselves, and what is put beside them.
//!
//! | word | what |
//! |---|---|
//! | 0 | the frame's length in bytes |
//! | 1 | the buffer's header: metadata segment (16 bits), index (16), generation (32) |
//! | 2 | when it was put, in nanoseconds of the monotonic clock |
//! | 3, 4, 5 | the publisher's timestamp: time (NTP), id; all zero for none |
//! | 6 | length of the attachment in bytes, all ones for none (32 bits); 1 where the frame is in the entry (32) |
//! | 7 .. | the attachment; from the next whole word on the frame, where it is in the entry |
//!
//! Written and read word by word; a mixture of two entries is never used (`ring`).

use std::sync::atomic::Ordering;

use super::layout::{ENTRY_WORDS, EntryWords};

const BYTES_AT: usize = 7;
/// The most bytes that an entry takes: of an attachment, or of a small frame and its attachment, each rounded up to 8.
pub const MAX_ATTACHMENT_BYTES: usize = 8 * (ENTRY_WORDS - BYTES_AT);
const NO_ATTACHMENT: u32 = u32::MAX;

/// Whether a frame and its attachment of these lengths fit into an entry.
pub(super) fn takes(frame: usize, attachment: Option<usize>) -> bool {
    let words = frame
        .div_ceil(8)
        .saturating_add(attachment.unwrap_or(0).div_ceil(8));
    words <= ENTRY_WORDS - BYTES_AT
}

/// What zenoh hands over of a buffer in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
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

/// What is handed over: a buffer by its name, or bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content<Bytes> {
    Buffer(Descriptor),
    Bytes(Bytes),
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<Bytes> {
    pub(super) content: Content<Bytes>,
    pub(super) put_at: u64,
    pub(super) stamp: Option<Stamp>,
    pub(super) attachment: Option<Bytes>,
}

// Relaxed throughout: the ring's positions order entries.
impl Entry<&[u8]> {
    /// Bytes and attachment are such that [`takes`].
    pub(super) fn write(&self, words: &EntryWords) {
        let write = |at: usize, value: u64| {
            if let Some(word) = words.get(at) {
                word.store(value, Ordering::Relaxed);
            }
        };
        let write_bytes = |at: usize, bytes: &[u8]| {
            for (at, bytes) in (at..).zip(bytes.chunks(8)) {
                let mut padded = [0; 8];
                padded[..bytes.len()].copy_from_slice(bytes);
                write(at, u64::from_le_bytes(padded));
            }
        };
        let Stamp { time, clock } = self.stamp.unwrap_or(Stamp { time: 0, clock: 0 });
        write(2, self.put_at);
        write(3, time);
        write(4, clock as u64);
        write(5, (clock >> 64) as u64);
        let attachment = self.attachment.unwrap_or_default();
        let length = self
            .attachment
            .map_or(NO_ATTACHMENT, |attachment| attachment.len() as u32);
        write_bytes(BYTES_AT, attachment);
        match &self.content {
            Content::Buffer(descriptor) => {
                write(0, descriptor.bytes);
                let header = u64::from(descriptor.metadata) << 48
                    | u64::from(descriptor.index) << 32
                    | u64::from(descriptor.generation);
                write(1, header);
                write(6, u64::from(length));
            }
            Content::Bytes(bytes) => {
                write(0, bytes.len() as u64);
                write(6, 1 << 32 | u64::from(length));
                write_bytes(BYTES_AT + attachment.len().div_ceil(8), bytes);
            }
        }
    }
}

impl Entry<Vec<u8>> {
    /// `None` where a length cannot be.
    pub(super) fn read(words: &EntryWords) -> Option<Self> {
        let read = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        let read_bytes = |at: usize, length: usize| {
            let mut bytes = Vec::with_capacity(length.next_multiple_of(8));
            (at..at + length.div_ceil(8))
                .for_each(|at| bytes.extend_from_slice(&read(at).to_le_bytes()));
            bytes.truncate(length);
            bytes
        };
        let lengths = read(6);
        let attachment = match lengths as u32 {
            NO_ATTACHMENT => None,
            length => Some(usize::try_from(length).ok()?),
        };
        let bytes = usize::try_from(read(0)).ok()?;
        let is_inside = lengths >> 32 == 1;
        if !takes(if is_inside { bytes } else { 0 }, attachment) {
            return None;
        }
        let content = match is_inside {
            true => {
                let at = BYTES_AT + attachment.unwrap_or(0).div_ceil(8);
                Content::Bytes(read_bytes(at, bytes))
            }
            false => {
                let header = read(1);
                Content::Buffer(Descriptor {
                    bytes: bytes as u64,
                    metadata: (header >> 48) as u16,
                    index: (header >> 32) as u16,
                    generation: header as u32,
                })
            }
        };
        let clock = u128::from(read(5)) << 64 | u128::from(read(4));
        Some(Self {
            content,
            put_at: read(2),
            stamp: (clock != 0).then_some(Stamp {
                time: read(3),
                clock,
            }),
            attachment: attachment.map(|length| read_bytes(BYTES_AT, length)),
        })
    }
}

/// When the entry was put.
pub(super) fn put_at(words: &EntryWords) -> u64 {
    words.get(2).map_or(0, |word| word.load(Ordering::Relaxed))
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
        let bytes: Vec<u8> = (0..=255).cycle().take(MAX_ATTACHMENT_BYTES).collect();
        let stamps = [
            None,
            Some(Stamp {
                time: 7,
                clock: u128::MAX - 1,
            }),
        ];
        let lengths = [
            0,
            1,
            7,
            8,
            9,
            64,
            MAX_ATTACHMENT_BYTES - 8,
            MAX_ATTACHMENT_BYTES,
        ];
        let frames = lengths.map(Some).into_iter().chain([None]);
        for (stamp, frame) in stamps
            .into_iter()
            .flat_map(|stamp| frames.clone().map(move |frame| (stamp, frame)))
        {
            for attachment in lengths.map(Some).into_iter().chain([None]) {
                if !takes(frame.unwrap_or(0), attachment) {
                    continue;
                }
                let words = words();
                let part = |length: usize| &bytes[..length];
                let entry = Entry {
                    content: frame.map_or(Content::Buffer(DESCRIPTOR), |frame| {
                        Content::Bytes(part(frame))
                    }),
                    put_at: 99,
                    stamp,
                    attachment: attachment.map(part),
                };
                entry.write(&words);
                let expected = Entry {
                    content: frame.map_or(Content::Buffer(DESCRIPTOR), |frame| {
                        Content::Bytes(part(frame).to_vec())
                    }),
                    put_at: 99,
                    stamp,
                    attachment: attachment.map(|length| part(length).to_vec()),
                };
                assert_eq!(
                    Entry::read(&words),
                    Some(expected),
                    "{stamp:?} {frame:?} {attachment:?}"
                );
            }
        }
    }

    #[test]
    fn lengths_beyond_an_entry_are_none() {
        let words = words();
        let most = MAX_ATTACHMENT_BYTES as u64;
        // Of the frame, and the word of lengths.
        for (frame, lengths) in [
            (0, most + 1),
            (0, 0xffff_fffe),
            (most + 1, 1 << 32 | u64::from(NO_ATTACHMENT)),
            (u64::MAX, 1 << 32 | u64::from(NO_ATTACHMENT)),
            (1, 1 << 32 | most),
        ] {
            words[0].store(frame, Ordering::Relaxed);
            words[6].store(lengths, Ordering::Relaxed);
            assert_eq!(Entry::read(&words), None, "{frame} {lengths:x}");
        }
    }
}
