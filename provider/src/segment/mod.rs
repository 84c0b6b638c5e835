//! A segment: one shared-memory file, as its producer made it or as a consumer attached it. Stands on `os` and
//! `budget`.
//!
//! Holds: the open file with zenoh's shared `flock`, the mapping of the whole file, and, for segments of
//! this library, the checked copy of the header page; for those of this process's pools, what it does itself with
//! each slot (`uses`).
//!
//! Who may write what: the producer writes the header page before the segment has a name, and a slot
//! while no reference to its chunk is out; consumers write the release words and nothing else. zenoh
//! maps every segment writable, and so does this module, because a consumer of zenoh may turn a unique
//! buffer into a mutable one. Only the slots of a sealed segment are read-only here: such as weights, which nobody
//! writes once they are loaded; a stray write there ends whoever writes.
//!
//! Locks: none. A `Segment` never changes after it was made, but that it can be sealed; it is shared by `Arc`, and every pointer
//! into the mapping is kept together with such an `Arc`.
//!
//! Invariants:
//! - The file has its full size and all its pages before it has a name, so neither side can meet SIGBUS
//!   or a half-written header.
//! - The shared lock is held from before the name exists until nothing of this process uses the segment
//!   any more, so no zenoh process unlinks a segment in use, and whoever is last unlinks it.
//! - No page is locked here (`mlock`): under the usual 8 MiB limit that would fail.
//! - Only files that this user alone may open are attached, so that nobody else can change or shorten one.
//!
//! Knowingly weak: a process of the same user can do both. Where a segment's bytes are about to be used, the
//! file's length is looked at (`reaches`), so a file that was truncated before gives an error; one that is
//! truncated between the look and the use raises SIGBUS, as with zenoh's own segments. The kernel has no
//! means against that: seals (`F_SEAL_SHRINK`) are for files that never had a name, and zenoh needs names.
//! Nor can it be told from the bytes who wrote them. See `tests/attacks/` in the repository.
//!
//! Specified by zenoh-shm 1.10: `shm/unix.rs` (name, mode, lock) and protocol id 0 (chunk id = offset).

mod attach;
mod create;
pub(crate) mod header;
pub(crate) mod layout;
pub(crate) mod registry;
pub(crate) mod release;
pub(crate) mod uses;

use std::{
    os::fd::OwnedFd,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

pub use attach::AttachError;
pub use create::SegmentError;
pub(crate) use create::check_space;
pub(crate) use header::SegmentHeader;
use layout::SegmentLayout;
use release::{ReleaseWords, Waiting};
use uses::{Noted, Use, Uses};

use crate::os::{self, file::Identity, memory::MappedRange, per_process::MadeHere};

/// The protocol of zenoh's own POSIX segments. A number of our own would make every unmodified peer
/// receive copies.
pub(crate) const POSIX_PROTOCOL_ID: zenoh::shm::ProtocolID = 0;

/// See the module's note.
#[derive(Debug)]
pub(crate) struct Segment {
    id: u32,
    range: MappedRange,
    file: OwnedFd,
    identity: Identity,
    /// What the header page said; `None` for a segment of another library.
    header: Option<SegmentHeader>,
    is_sealed: AtomicBool,
    /// Only of a segment that a pool of this process made, and of further mappings of its file.
    uses: Option<Arc<Uses>>,
    made_here: MadeHere,
}

impl Segment {
    /// zenoh's segment id, which is also the file's name.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The first address of the mapping.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.range.base()
    }

    /// The file's size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.range.bytes()
    }

    /// The address of the chunk at `offset`, where that lies inside.
    pub(crate) fn chunk_address(&self, offset: u32) -> Option<NonNull<u8>> {
        self.range.at(usize::try_from(offset).ok()?)
    }

    pub(crate) fn range(&self) -> &MappedRange {
        &self.range
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        &self.file
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Notes that this process uses the slot at `offset`, until what this gives is dropped; `None` where it is no slot
    /// of a pool of this process.
    pub(crate) fn note_use(&self, offset: usize, what: Use) -> Option<Noted> {
        self.uses.as_ref()?.note(offset, what)
    }

    /// What this process itself uses slot number `slot` for.
    pub(crate) fn use_of(&self, slot: u32) -> Option<Use> {
        self.uses.as_ref()?.of_slot(slot as usize)
    }

    /// The process that made the segment, by pid and start time, as its header page says; `None` for a segment of
    /// another library.
    pub(crate) fn producer(&self) -> Option<(u32, u64)> {
        let header = self.header.as_ref()?;
        Some((header.producer_pid, header.producer_start))
    }

    /// Whether the file still has its first `end` bytes; one system call.
    pub(crate) fn reaches(&self, end: usize) -> bool {
        os::file::length(&self.file).is_ok_and(|bytes| bytes >= end as u64)
    }

    /// The release words; `None` for a segment of another library, and where the header page has been
    /// truncated away.
    fn release_words(&self) -> Option<&ReleaseWords> {
        self.header.as_ref()?;
        if !self.reaches(SegmentLayout::header_bytes()) {
            return None;
        }
        // SAFETY: a header was found, so the mapping has at least one page; it is writable and lives
        // as long as `self`.
        Some(unsafe { header::release_words(self.range.base()) })
    }

    /// Says that the slots are never written again: this process, and all who attach the segment from now on, have them
    /// read-only. Whether this process has.
    ///
    /// # Safety
    /// Nothing of this process writes a slot of it any more.
    pub(crate) unsafe fn seal(&self) -> bool {
        if self.header.is_none() || !self.reaches(SegmentLayout::header_bytes()) {
            return false;
        }
        // SAFETY: a header was found, so the mapping has at least one page, which is writable.
        unsafe { header::seal(self.range.base()) };
        // Relaxed: who asks has been told of a slot since, and with that of this.
        self.is_sealed.store(true, Ordering::Relaxed);
        let slots = SegmentLayout::header_bytes();
        let protected = self.range.protect_from(slots);
        protected
            .inspect_err(|error| tracing::debug!(%error, id = self.id, "slots stay writable here"))
            .is_ok()
    }

    /// Whether its slots are never written again, and read-only in this mapping where the kernel allowed it.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed.load(Ordering::Relaxed)
    }

    /// Gives the memory of all slots back, for a segment of this process none of whose slots is in use or will
    /// be again. Registered pages stay until they are unregistered.
    pub(crate) fn discard_slots(&self) {
        let header = layout::SegmentLayout::header_bytes() as u64;
        let slots = (self.bytes() as u64).saturating_sub(header);
        self.discard(header, slots);
    }

    /// Gives the memory of `bytes` back, of slots that are not in use and never will be again. Whether that was
    /// possible.
    pub(crate) fn discard(&self, from: u64, bytes: u64) -> bool {
        // A forked child has them mapped as its parent has.
        if !self.made_here.holds() || bytes == 0 {
            return false;
        }
        let discarded = os::file::discard(&self.file, from, bytes);
        if let Err(error) = discarded {
            tracing::debug!(%error, id = self.id, "the segment's pages stay until all have let go of it");
        }
        discarded.is_ok()
    }

    /// Says that an allocation of this process, whose pool the segment is of, is about to look for a free slot and may
    /// then sleep; `None` where there is no word to sleep on.
    pub(crate) fn begin_waiting(&self) -> Option<WaitingHere<'_>> {
        // First: the fence of the other comes behind both.
        let here = self.uses.as_ref().map(|uses| uses.releases.begin_waiting());
        Some(WaitingHere {
            waiting: self.release_words()?.begin_waiting(),
            _here: here,
        })
    }

    /// Tells waiting producers that this process has dropped a reference to a chunk of the segment.
    pub(crate) fn announce_release(&self) {
        // Only this process allocates from its pools, and it knows without a look at the file whether it waits.
        if let Some(uses) = &self.uses
            && !uses.releases.is_awaited()
        {
            return;
        }
        if let Some(words) = self.release_words() {
            words.announce(os::futex::wake_all);
        }
    }
}

/// An allocation of this process that may sleep; it stops being one when this is dropped.
pub(crate) struct WaitingHere<'a> {
    waiting: Waiting<'a>,
    _here: Option<Waiting<'a>>,
}

impl<'a> WaitingHere<'a> {
    /// As [`Waiting::futex`].
    pub(crate) fn futex(&self) -> (&'a AtomicU32, u32) {
        self.waiting.futex()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // A forked child shares the lock with its parent, so what it finds out about it is not true; and a
        // thread of the parent may have been at the registry.
        if self.made_here.holds() {
            registry::forget(self);
            os::file::unlink_if_last(&self.file, self.id);
        }
    }
}
