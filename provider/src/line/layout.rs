//! What lies in an inbox, and where. All of it is atomics: any process of the user can write anything at any time.
//!
//! | part | what |
//! |---|---|
//! | [`Head`] | what the reader says once, whether it has closed, and its bell |
//! | [`Lane`], [`LANES`] times | one publisher's: who it is, on what key, the ring's positions |
//! | entries, `capacity` for each lane | see `entry` |

use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use super::{Overflow, bell::Bell, ring::Ring};
use crate::segment::{Segment, layout::SegmentLayout};

/// How many publishers an inbox has room for.
pub(super) const LANES: usize = 16;
/// The most entries of a lane.
pub(super) const MAX_CAPACITY: u32 = 4096;
/// Words of an entry.
pub(super) const ENTRY_WORDS: usize = 64;
/// The most bytes of a publisher's key expression.
pub(super) const KEY_BYTES: usize = 8 * KEY_WORDS;
const KEY_WORDS: usize = 64;

const MAGIC: u64 = u64::from_le_bytes(*b"ZPINBOX\0");
const VERSION: u32 = 2;

/// Values of `closed`; nothing is said yet with zero.
const CLOSING: u32 = 1;
const CLOSED: u32 = 2;

/// An entry of a lane.
pub(super) type EntryWords = [AtomicU64; ENTRY_WORDS];

#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Head {
    magic: AtomicU64,
    version: AtomicU32,
    lanes: AtomicU32,
    capacity: AtomicU32,
    overflow: AtomicU32,
    nonce: AtomicU64,
    closed: AtomicU32,
    pub(super) bell: Bell,
}

/// What a reader says of its inbox once, copied and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) capacity: u32,
    pub(super) overflow: Overflow,
    /// Random, so that a file that has come to have the same name is not taken for it.
    pub(super) nonce: u64,
}

impl Head {
    /// Whether it says that it is an inbox, of whatever version.
    pub(super) fn claims_to_be_one(&self) -> bool {
        self.magic.load(Ordering::Relaxed) == MAGIC
    }

    /// Before anybody else knows of the inbox.
    pub(super) fn write(&self, terms: Terms) {
        // Relaxed throughout: its address is told by way of zenoh, after this.
        self.version.store(VERSION, Ordering::Relaxed);
        self.lanes.store(LANES as u32, Ordering::Relaxed);
        self.capacity.store(terms.capacity, Ordering::Relaxed);
        self.overflow
            .store(terms.overflow as u32, Ordering::Relaxed);
        self.nonce.store(terms.nonce, Ordering::Relaxed);
        self.magic.store(MAGIC, Ordering::Relaxed);
    }

    /// `None` for what is no inbox of this version.
    pub(super) fn read(&self) -> Option<Terms> {
        let is_one = self.magic.load(Ordering::Relaxed) == MAGIC
            && self.version.load(Ordering::Relaxed) == VERSION
            && self.lanes.load(Ordering::Relaxed) == LANES as u32;
        let capacity = self.capacity.load(Ordering::Relaxed);
        if !is_one || !(1..=MAX_CAPACITY).contains(&capacity) {
            return None;
        }
        let overflow = match self.overflow.load(Ordering::Relaxed) {
            0 => Overflow::DropOldest,
            1 => Overflow::Refuse,
            _ => return None,
        };
        Some(Terms {
            capacity,
            overflow,
            nonce: self.nonce.load(Ordering::Relaxed),
        })
    }

    /// Whether the reader reads nothing any more.
    pub(super) fn is_closed(&self) -> bool {
        // Relaxed: an entry that is written all the same is given back like any unread one.
        self.closed.load(Ordering::Relaxed) >= CLOSED
    }

    /// Whether the reader wants no more, although it may still read what it has.
    pub(super) fn is_closing(&self) -> bool {
        self.closed.load(Ordering::Relaxed) >= CLOSING
    }

    pub(super) fn close(&self) {
        self.closed.store(CLOSED, Ordering::Relaxed);
    }

    pub(super) fn begin_to_close(&self) {
        self.closed.fetch_max(CLOSING, Ordering::Relaxed);
    }
}

/// What a lane is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody's.
    Free,
    /// A publisher is describing itself.
    Opening,
    /// In use.
    Open,
    /// Its publisher writes no more.
    Closed,
    /// Its reader reads no more of it: what it found there cannot be.
    Abandoned,
}

/// A lane's state: its phase, how often it was given back, and the pid of its publisher, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// Tells a lane from what somebody else has there later. 29 bits.
    pub(super) turn: u32,
    pub(super) pid: u32,
}

const PHASE_BITS: u32 = 3;

impl State {
    /// As the lane is for the next publisher.
    fn given_back(word: u64) -> Self {
        let turn = (word as u32 >> PHASE_BITS).wrapping_add(1) & (u32::MAX >> PHASE_BITS);
        Self {
            phase: Phase::Free,
            turn,
            pid: 0,
        }
    }

    fn word(self) -> u64 {
        u64::from(self.pid) << 32 | u64::from(self.turn) << PHASE_BITS | self.phase as u64
    }

    /// `None` for a number that is no phase.
    fn of(word: u64) -> Option<Self> {
        let phase = match word & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Free,
            1 => Phase::Opening,
            2 => Phase::Open,
            3 => Phase::Closed,
            4 => Phase::Abandoned,
            _ => return None,
        };
        Some(Self {
            phase,
            turn: word as u32 >> PHASE_BITS,
            pid: (word >> 32) as u32,
        })
    }
}

#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Lane {
    state: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) source: [AtomicU64; 2],
    pub(super) entity: AtomicU32,
    pub(super) alone: AtomicU32,
    pub(super) first: AtomicU64,
    key_bytes: AtomicU32,
    key: [AtomicU64; KEY_WORDS],
    /// For whoever looks at the inbox.
    overwritten: AtomicU64,
    /// Rung by the reader for a publisher that waits for room.
    pub(super) room: Bell,
    pub(super) ring: Ring,
}

impl Lane {
    /// `None` where somebody has written nonsense there.
    pub(super) fn state(&self) -> Option<State> {
        // Acquire: what was written before the state was set.
        State::of(self.state.load(Ordering::Acquire))
    }

    pub(super) fn set_state(&self, state: State) {
        // Release: see `state`.
        self.state.store(state.word(), Ordering::Release);
    }

    /// Whether the state was `from`, and is `to` now.
    pub(super) fn change_state(&self, from: State, to: State) -> bool {
        // AcqRel: see `state`.
        let changed = self.state.compare_exchange(
            from.word(),
            to.word(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        changed.is_ok()
    }

    /// By the publisher: how many entries it has overwritten unread.
    pub(super) fn show_overwritten(&self, entries: u64) {
        // Relaxed: a number to look at.
        self.overwritten.store(entries, Ordering::Relaxed);
    }

    /// See [`Lane::show_overwritten`].
    pub(super) fn shown_overwritten(&self) -> u64 {
        self.overwritten.load(Ordering::Relaxed)
    }

    /// By the publisher while it opens the lane; the key has at most [`KEY_BYTES`].
    pub(super) fn write_key(&self, key: &str) {
        // Relaxed: before the state says that the lane is open.
        for (word, bytes) in self.key.iter().zip(key.as_bytes().chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        self.key_bytes.store(key.len() as u32, Ordering::Relaxed);
    }

    /// `None` where it is none.
    pub(super) fn read_key(&self) -> Option<String> {
        let bytes = usize::try_from(self.key_bytes.load(Ordering::Relaxed)).ok()?;
        let words = self.key.iter();
        let mut key: Vec<u8> = words
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect();
        if bytes > key.len() {
            return None;
        }
        key.truncate(bytes);
        String::from_utf8(key).ok()
    }

    /// By the reader, when nobody else uses the lane any more.
    pub(super) fn make_free(&self) {
        self.ring.reset();
        self.show_overwritten(0);
        // Relaxed: only the reader gives a lane back.
        self.set_state(State::given_back(self.state.load(Ordering::Relaxed)));
    }
}

/// The mapping of an inbox, whose parts all lie inside.
#[derive(Debug)]
pub(super) struct Mapped {
    segment: Arc<Segment>,
    capacity: u32,
}

impl Mapped {
    /// What a segment for an inbox of this capacity has to be.
    pub(super) fn segment_layout(capacity: u32) -> Option<SegmentLayout> {
        let bytes = Self::entries_at() + LANES * capacity as usize * size_of::<EntryWords>();
        SegmentLayout::new(crate::os::round_up_to_pages(bytes)?, 1)
    }

    const fn entries_at() -> usize {
        size_of::<Head>() + LANES * size_of::<Lane>()
    }

    /// `None` where the segment has another size than an inbox of this capacity.
    pub(super) fn new(segment: Arc<Segment>, capacity: u32) -> Option<Self> {
        let fitting = Self::segment_layout(capacity)?.total_bytes();
        (segment.bytes() == fitting).then_some(Self { segment, capacity })
    }

    /// The terms in the head of a segment that may be an inbox.
    pub(super) fn terms_in(segment: &Segment) -> Option<Terms> {
        if segment.bytes() < SegmentLayout::header_bytes() + Self::entries_at() {
            return None;
        }
        // SAFETY: the head lies inside the mapping, which is page-aligned; it is all atomics, for which any bytes are
        // valid, and the reference ends in here.
        unsafe { at(segment, 0).cast::<Head>().as_ref() }.read()
    }

    pub(super) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.capacity)
    }

    pub(super) fn head(&self) -> &Head {
        // SAFETY: the segment was found to have the size of an inbox, so the head lies inside and is aligned; it is all
        // atomics, and the mapping lives as long as `self`.
        unsafe { at(&self.segment, 0).cast::<Head>().as_ref() }
    }

    /// `None` where there are not so many.
    pub(super) fn lane(&self, lane: usize) -> Option<&Lane> {
        if lane >= LANES {
            return None;
        }
        let offset = size_of::<Head>() + lane * size_of::<Lane>();
        // SAFETY: as in `head`; the number was checked.
        Some(unsafe { at(&self.segment, offset).cast::<Lane>().as_ref() })
    }

    /// The entry at `position` of a lane; `None` where there is no such lane.
    pub(super) fn entry(&self, lane: usize, position: u64) -> Option<&EntryWords> {
        if lane >= LANES {
            return None;
        }
        let index = lane * self.capacity as usize + (position % self.capacity()) as usize;
        let offset = Self::entries_at() + index * size_of::<EntryWords>();
        // SAFETY: as in `head`; both numbers are in their bounds.
        Some(unsafe { at(&self.segment, offset).cast::<EntryWords>().as_ref() })
    }
}

/// The address `offset` bytes behind the segment's header page.
///
/// # Safety
/// That lies inside the segment.
unsafe fn at(segment: &Segment, offset: usize) -> NonNull<u8> {
    // SAFETY: the caller says so.
    unsafe { segment.base().add(SegmentLayout::header_bytes() + offset) }
}
