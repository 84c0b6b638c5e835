//! What is made of the words of an inbox, whoever wrote them, for this repository's fuzzing: the code that both ends use,
//! over memory of its own.

use std::ptr;

use super::{
    InboxAddress, Overflow,
    entry::{Content, Entry, MAX_ATTACHMENT_BYTES},
    layout::{EntryWords, Head, KEY_BYTES, Lane, MAX_CAPACITY},
    ring::{Corrupt, Room},
};

/// A head, a lane and an entry, as somebody may have written them.
#[repr(C, align(64))]
pub struct ForeignWords {
    head: Head,
    lane: Lane,
    entry: EntryWords,
}

/// The ring's answers, as numbers; `None` for what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// How many entries are unread.
    pub unread: Option<u64>,
    /// Which position the reader claims, if there is one.
    pub claimed: Option<Option<u64>>,
    /// Whether the publisher finds room for its entry, and which position it overwrites.
    pub room: Option<(bool, Option<u64>)>,
    /// How many entries the publisher lets go of.
    pub taken: Option<u64>,
}

impl ForeignWords {
    /// How many bytes there are.
    pub const BYTES: usize = size_of::<Self>();
    /// The most bytes of a key.
    pub const KEY_BYTES: usize = KEY_BYTES;
    /// The most bytes of an attachment.
    pub const ATTACHMENT_BYTES: usize = MAX_ATTACHMENT_BYTES;
    /// The most entries of a lane.
    pub const CAPACITY: u64 = MAX_CAPACITY as u64;
    /// Where the positions lie: written, claimed, taken.
    pub const POSITIONS_AT: [usize; 3] = {
        let lane = std::mem::offset_of!(Self, lane) + std::mem::offset_of!(Lane, ring);
        [lane, lane + 64, lane + 128]
    };
    /// Where the entry lies.
    pub const ENTRY_AT: usize = std::mem::offset_of!(Self, entry);

    /// These bytes, and zeroes behind them.
    pub fn beginning_with(bytes: &[u8]) -> Box<Self> {
        let mut words = Box::<Self>::new_uninit();
        let length = bytes.len().min(Self::BYTES);
        // SAFETY: as many bytes as there are, into memory of this function's own; all of it is atomics and padding, for
        // which any bytes are valid.
        unsafe {
            let start = words.as_mut_ptr().cast::<u8>();
            ptr::write_bytes(start, 0, Self::BYTES);
            ptr::copy_nonoverlapping(bytes.as_ptr(), start, length);
            words.assume_init()
        }
    }

    /// An inbox that says nothing false: its head, and a lane of `key` that has one entry with an attachment.
    pub fn honest(key: &str) -> Box<Self> {
        let words = Self::beginning_with(&[]);
        words.head.write(super::layout::Terms {
            capacity: 4,
            overflow: Overflow::DropOldest,
            nonce: 7,
        });
        words.lane.write_key(key);
        let descriptor = super::entry::Descriptor {
            bytes: 4096,
            metadata: 1,
            index: 2,
            generation: 3,
        };
        let entry = Entry {
            content: Content::Buffer(descriptor),
            put_at: 5,
            stamp: None,
            attachment: Some(&[7; 9][..]),
        };
        entry.write(&words.entry);
        words.lane.ring.publish(0);
        words
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        // SAFETY: of this very value, whose bytes were all written when it was made; nobody writes meanwhile.
        unsafe { std::slice::from_raw_parts(ptr::from_ref(self).cast::<u8>(), Self::BYTES) }
            .to_vec()
    }

    /// The capacity that the head says, where it is one of an inbox.
    pub fn capacity(&self) -> Option<u64> {
        self.head.read().map(|terms| u64::from(terms.capacity))
    }

    /// The lane's key, where it is text.
    pub fn key(&self) -> Option<String> {
        self.lane.read_key()
    }

    /// Whether the lane's state is one, and whether it stays one when the lane is given back.
    pub fn state(&self) -> (bool, bool) {
        let is_one = self.lane.state().is_some();
        self.lane.make_free();
        let is_free = self
            .lane
            .state()
            .is_some_and(|state| state.phase == super::layout::Phase::Free);
        (is_one, is_free)
    }

    /// The bytes that the entry says, and its attachment, where it can be.
    pub fn entry(&self) -> Option<(u64, Option<Vec<u8>>)> {
        let entry = Entry::read(&self.entry)?;
        let bytes = match entry.content {
            Content::Buffer(descriptor) => descriptor.bytes,
            Content::Bytes(bytes) => bytes.len() as u64,
        };
        Some((bytes, entry.attachment))
    }

    /// What either end does next, the publisher with its entry `next`.
    pub fn answers(&self, next: u64, capacity: u64, overwrite: bool) -> Answers {
        let ring = &self.lane.ring;
        let unread = ring.unread(capacity).ok();
        let taken = ring.taken(next).ok();
        let claimed = ring.claim(capacity, |position| position).ok();
        let claimed = claimed.map(|claimed| claimed.map(|(position, _)| position));
        let room = match ring.make_room(next, capacity, overwrite) {
            Ok(Room::Free) => Some((true, None)),
            Ok(Room::Overwritten(position)) => Some((true, Some(position))),
            Ok(Room::Full) => Some((false, None)),
            Err(Corrupt) => None,
        };
        Answers {
            unread,
            claimed,
            room,
            taken,
        }
    }
}

/// An address as it is written again, where `text` is one.
pub fn address_again(text: &str) -> Option<String> {
    let address: InboxAddress = text.parse().ok()?;
    Some(address.to_string())
}
