//! zenoh's chunk headers and watchdog bits, through a mapping of our own.
//!
//! Specified by zenoh-shm 1.10: `header/chunk_header.rs`, `metadata/segment.rs`. Everything here may be
//! written by any process of the same user at any time, so all of it is read as atomics and any value is valid.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use crate::os::{Errno, file::Identity, memory::MappedRange};

/// Headers in a metadata segment.
pub(super) const HEADERS: usize = 32_768;
/// zenoh reserves a word for each header, and uses one bit of every 64th part of them.
pub(super) const SEGMENT_BYTES: usize =
    HEADERS * (size_of::<ChunkHeader>() + size_of::<AtomicU64>());

/// One chunk's header.
#[repr(C)]
pub(super) struct ChunkHeader {
    pub(super) references: AtomicU32,
    invalidated: AtomicU8,
    pub(super) generation: AtomicU32,
    pub(super) protocol: AtomicU32,
    segment: AtomicU32,
    chunk: AtomicU32,
    pub(super) bytes: AtomicUsize,
}

const _: () = assert!(size_of::<ChunkHeader>() == 32 && align_of::<ChunkHeader>() == 8);

impl ChunkHeader {
    /// Where fields are, for who has a copy.
    pub(super) const INVALIDATED_AT: usize = std::mem::offset_of!(Self, invalidated);
    pub(super) const SEGMENT_AT: usize = std::mem::offset_of!(Self, segment);
    pub(super) const CHUNK_AT: usize = std::mem::offset_of!(Self, chunk);

    /// Of no chunk.
    pub(super) const fn nothing() -> Self {
        Self {
            references: AtomicU32::new(0),
            invalidated: AtomicU8::new(0),
            generation: AtomicU32::new(0),
            protocol: AtomicU32::new(0),
            segment: AtomicU32::new(0),
            chunk: AtomicU32::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn is_invalidated(&self) -> bool {
        self.invalidated.load(Ordering::SeqCst) != 0
    }

    /// The segment and the chunk in it that the header describes.
    pub(super) fn described(&self) -> (u32, u32) {
        // Relaxed: zenoh writes both before the chunk is known to anybody, and we look at chunks that have
        // been out for a while; what does not fit is checked again under the tables' lock.
        (
            self.segment.load(Ordering::Relaxed),
            self.chunk.load(Ordering::Relaxed),
        )
    }

    /// Makes the header describe another chunk.
    pub(super) fn describe(&self, chunk: u32) {
        self.chunk.store(chunk, Ordering::SeqCst);
    }
}

/// A metadata segment of zenoh.
#[derive(Debug)]
pub(super) struct MetadataSegment {
    identity: Identity,
    range: MappedRange,
}

impl MetadataSegment {
    /// Maps a file of [`SEGMENT_BYTES`].
    pub(super) fn map(file: &OwnedFd, identity: Identity) -> Result<Self, Errno> {
        let range = MappedRange::of_file(file, SEGMENT_BYTES)?;
        Ok(Self { identity, range })
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn header(&self, index: usize) -> Option<&ChunkHeader> {
        if index >= HEADERS {
            return None;
        }
        let address = self.range.at(index * size_of::<ChunkHeader>())?;
        // SAFETY: the mapping is page-aligned and `SEGMENT_BYTES` long (checked when it was made), so the
        // header lies inside and is aligned; it consists of atomics, for which any bytes are valid, and the
        // mapping lives as long as `self`.
        Some(unsafe { address.cast::<ChunkHeader>().as_ref() })
    }

    pub(super) fn watchdog(&self, index: usize) -> Option<(&AtomicU64, u64)> {
        let word = HEADERS * size_of::<ChunkHeader>() + index / 64 * size_of::<AtomicU64>();
        let address = self.range.at(word)?;
        // SAFETY: as above: inside the mapping, aligned, an atomic.
        let word = unsafe { address.cast::<AtomicU64>().as_ref() };
        Some((word, 1 << (index % 64)))
    }
}
