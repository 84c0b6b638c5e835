//! zenoh's chunk headers and watchdog bits, through a mapping of our own.
//!
//! Specified by zenoh-shm 1.10: `header/chunk_header.rs`, `metadata/segment.rs`. Everything here may be
//! written by any process of the same user at any time, so all of it is read as atomics and any value is valid.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::references::{self, CountWord};
use crate::os::{
    Errno, descriptors,
    file::{self, Identity},
    memory::MappedRange,
};

/// Headers in a metadata segment.
const HEADERS: usize = 32_768;
/// zenoh reserves a word for each header, and uses one bit of every 64th part of them.
const SEGMENT_BYTES: usize = HEADERS * (size_of::<ChunkHeader>() + size_of::<AtomicU64>());

/// zenoh makes a further segment when one is full.
const DISCOVER_AGAIN_AFTER: Duration = Duration::from_secs(1);

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

/// A metadata segment of zenoh in this process.
#[derive(Debug)]
struct MetadataSegment {
    identity: Identity,
    range: MappedRange,
}

impl MetadataSegment {
    fn header(&self, index: usize) -> Option<&ChunkHeader> {
        if index >= HEADERS {
            return None;
        }
        let address = self.range.at(index * size_of::<ChunkHeader>())?;
        // SAFETY: the mapping is page-aligned and `SEGMENT_BYTES` long (checked when it was made), so the
        // header lies inside and is aligned; it consists of atomics, for which any bytes are valid, and the
        // mapping lives as long as `self`.
        Some(unsafe { address.cast::<ChunkHeader>().as_ref() })
    }

    fn watchdog(&self, index: usize) -> Option<(&AtomicU64, u64)> {
        let word = HEADERS * size_of::<ChunkHeader>() + index / 64 * size_of::<AtomicU64>();
        let address = self.range.at(word)?;
        // SAFETY: as above: inside the mapping, aligned, an atomic.
        let word = unsafe { address.cast::<AtomicU64>().as_ref() };
        Some((word, 1 << (index % 64)))
    }
}

/// A header in a segment that stays mapped.
#[derive(Clone, Debug)]
pub(super) struct HeaderPlace {
    segment: Arc<MetadataSegment>,
    index: usize,
    generation: u32,
}

impl HeaderPlace {
    /// The header.
    pub(super) fn header(&self) -> &ChunkHeader {
        static NOTHING: ChunkHeader = ChunkHeader {
            references: AtomicU32::new(0),
            invalidated: AtomicU8::new(0),
            generation: AtomicU32::new(0),
            protocol: AtomicU32::new(0),
            segment: AtomicU32::new(0),
            chunk: AtomicU32::new(0),
            bytes: AtomicUsize::new(0),
        };
        // The index was in range when the place was made.
        self.segment.header(self.index).unwrap_or(&NOTHING)
    }

    /// Whether the header still describes the same buffer.
    pub(super) fn is_same_generation(&self) -> bool {
        self.header().generation.load(Ordering::SeqCst) == self.generation
    }

    /// Whether somebody has confirmed the chunk since the bit was cleared last.
    pub(super) fn is_confirmed(&self) -> bool {
        let bit = self.segment.watchdog(self.index);
        bit.is_none_or(|(word, mask)| word.load(Ordering::SeqCst) & mask != 0)
    }

    /// The file of the metadata segment, which everybody who holds the chunk has locked.
    pub(super) fn file(&self) -> Identity {
        self.segment.identity
    }

    /// Clears the chunk's watchdog bit.
    pub(super) fn clear_confirmation(&self) {
        if let Some((word, mask)) = self.segment.watchdog(self.index) {
            word.fetch_and(!mask, Ordering::SeqCst);
        }
    }
}

/// The metadata segments of this process that are known so far.
#[derive(Debug, Default)]
pub(super) struct Headers {
    segments: Vec<Arc<MetadataSegment>>,
    discovered: Option<Instant>,
}

impl Headers {
    /// As [`Headers::discover`], but not more often than is reasonable.
    pub(super) fn discover_again(&mut self) {
        let lately = |at: Instant| at.elapsed() < DISCOVER_AGAIN_AFTER;
        if !self.discovered.is_some_and(lately) {
            // A segment that is not found now is found later; its slots stay out until then.
            let _ = self.discover();
        }
    }

    /// Maps the metadata segments that zenoh has open in this process and that are not mapped yet.
    ///
    /// # Errors
    /// What is open could not be found out, or not be opened again.
    pub(super) fn discover(&mut self) -> io::Result<()> {
        self.discovered = Some(Instant::now());
        let known: BTreeSet<_> = self.segments.iter().map(|known| known.identity).collect();
        for (identity, open) in descriptors::open_segments()? {
            if known.contains(&identity) || open.bytes != SEGMENT_BYTES as u64 {
                continue;
            }
            // An open file of our own: a mapping of zenoh's would keep zenoh's lock with it.
            let Some(descriptor) = open.descriptors.first() else {
                continue;
            };
            let file = match descriptors::open_again(*descriptor) {
                // It was closed meanwhile.
                Err(Errno::NOENT) => continue,
                file => file?,
            };
            if file::inspect(&file) == Ok((identity, SEGMENT_BYTES as u64)) {
                let range = MappedRange::of_file(&file, SEGMENT_BYTES)?;
                self.segments
                    .push(Arc::new(MetadataSegment { identity, range }));
            }
        }
        Ok(())
    }

    /// The headers with references out that describe one of `chunks`, given as (segment, chunk).
    pub(super) fn describing(
        &self,
        chunks: &BTreeSet<(u32, u32)>,
    ) -> BTreeMap<(u32, u32), Vec<HeaderPlace>> {
        let segments: BTreeSet<_> = chunks.iter().map(|(segment, _)| *segment).collect();
        let mut found: BTreeMap<_, Vec<HeaderPlace>> = BTreeMap::new();
        for metadata in &self.segments {
            for index in 0..HEADERS {
                let Some(header) = metadata.header(index) else {
                    break;
                };
                let described = header.described();
                if !segments.contains(&described.0)
                    || !chunks.contains(&described)
                    || !references::is_held(CountWord::load(&header.references))
                {
                    continue;
                }
                found.entry(described).or_default().push(HeaderPlace {
                    segment: metadata.clone(),
                    index,
                    generation: header.generation.load(Ordering::SeqCst),
                });
            }
        }
        found
    }
}
