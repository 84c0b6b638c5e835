//! The chunk headers that zenoh has made in this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    chunk_header::{ChunkHeader, HEADERS, MetadataSegment, SEGMENT_BYTES},
    references::{self, CountWord},
};
use crate::os::{
    Errno, descriptors,
    file::{self, Identity},
};

/// zenoh makes a further segment when one is full.
const DISCOVER_AGAIN_AFTER: Duration = Duration::from_secs(1);

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
        static NOTHING: ChunkHeader = ChunkHeader::nothing();
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
        self.segment.identity()
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
        let known: BTreeSet<_> = self.segments.iter().map(|known| known.identity()).collect();
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
                let segment = MetadataSegment::map(&file, identity)?;
                self.segments.push(Arc::new(segment));
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
