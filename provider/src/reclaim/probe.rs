//! Whether zenoh's metadata is laid out as this library knows it, found out by experiment.
//!
//! A buffer of a provider of its own, whose chunk has a number that nobody else uses, has to show up in the
//! metadata with every field where it is expected, and to change there as the buffer is cloned, dropped and
//! confirmed. Its memory is this process's own; nothing is sent.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use zenoh::{
    Wait,
    shm::{
        AllocatedChunk, ChunkAllocResult, ChunkDescriptor, ChunkID, MemoryLayout, ProtocolID,
        PtrInSegment, SegmentID, ShmProviderBackend, ShmProviderBuilder, ShmSegment,
        WithProtocolID, ZAllocError, ZLayoutError, ZShm,
    },
};

use super::{
    headers::{HeaderPlace, Headers},
    references::CountWord,
};

/// A protocol that nobody attaches.
const PROTOCOL: ProtocolID = 0x5a50_494e;
const BYTES: usize = 64;
/// The confirmator comes by every 50 ms.
const PATIENCE: Duration = Duration::from_secs(5);

/// A chunk of memory that is no shared memory at all.
#[derive(Debug)]
struct ProbeMemory(Box<[u8]>);

impl ShmSegment for ProbeMemory {
    fn map(&self, _chunk: ChunkID) -> zenoh::Result<*mut u8> {
        Err("the probe's memory is not for others".into())
    }
}

#[derive(Debug)]
struct ProbeBackend {
    segment: SegmentID,
    chunk: ChunkID,
}

impl WithProtocolID for ProbeBackend {
    fn id(&self) -> ProtocolID {
        PROTOCOL
    }
}

impl ShmProviderBackend for ProbeBackend {
    fn alloc(&self, layout: &MemoryLayout) -> ChunkAllocResult {
        if layout.size().get() != BYTES {
            return Err(ZAllocError::Other);
        }
        let mut memory = ProbeMemory(vec![0; BYTES].into_boxed_slice());
        // The buffer keeps the box, whose contents do not move with it.
        let address = memory.0.as_mut_ptr();
        Ok(AllocatedChunk::new(
            ChunkDescriptor::new(self.segment, self.chunk, layout.size()),
            PtrInSegment::new(address, Arc::new(memory)),
        ))
    }

    fn free(&self, _chunk: &ChunkDescriptor) {}

    fn defragment(&self) -> usize {
        0
    }

    fn available(&self) -> usize {
        BYTES
    }

    fn layout_for(&self, layout: MemoryLayout) -> Result<MemoryLayout, ZLayoutError> {
        Ok(layout)
    }
}

/// Makes zenoh make the metadata of this process, which it does at the first allocation of any provider.
///
/// # Panics
/// Where zenoh cannot make it.
pub(crate) fn make_metadata() {
    let backend = ProbeBackend {
        segment: 0,
        chunk: 0,
    };
    let provider = ShmProviderBuilder::backend(backend).wait();
    drop(provider.alloc(BYTES).wait());
}

/// Whether a buffer of this process shows in `headers` as it should.
///
/// # Errors
/// The metadata could not be looked at, so nobody knows.
pub(super) fn layout_is_known(headers: &mut Headers) -> io::Result<bool> {
    let random = RandomState::new().hash_one("chunk");
    let (segment, chunk) = ((random >> 32) as u32, random as u32);
    let provider = ShmProviderBuilder::backend(ProbeBackend { segment, chunk }).wait();
    let Ok(buffer) = provider.alloc(BYTES).wait() else {
        return Ok(false);
    };
    headers.discover()?;
    let found = headers.describing(&BTreeSet::from([(segment, chunk)]));
    let Some([place]) = found.get(&(segment, chunk)).map(Vec::as_slice) else {
        return Ok(false);
    };
    let header = place.header();
    let fields_are_right = header.protocol.load(Ordering::Relaxed) == PROTOCOL
        && header.bytes.load(Ordering::Relaxed) == BYTES
        && !header.is_invalidated();
    Ok(fields_are_right && is_confirmed_again(place) && counts(place, buffer.into()))
}

/// A buffer of this process that shows in `headers`, and where; `None` where there is none to be had.
pub(super) fn held_buffer(headers: &mut Headers) -> Option<(HeaderPlace, ZShm)> {
    let random = RandomState::new().hash_one("held");
    let (segment, chunk) = ((random >> 32) as u32, random as u32);
    let provider = ShmProviderBuilder::backend(ProbeBackend { segment, chunk }).wait();
    let buffer = provider.alloc(BYTES).wait().ok()?;
    headers.discover().ok()?;
    let mut found = headers.describing(&BTreeSet::from([(segment, chunk)]));
    let mut places = found.remove(&(segment, chunk))?;
    match (places.pop(), places.is_empty()) {
        (Some(place), true) => Some((place, buffer.into())),
        _ => None,
    }
}

/// The bit comes back after it was cleared. Clearing it for a moment is what the validator does too.
fn is_confirmed_again(place: &HeaderPlace) -> bool {
    let started = Instant::now();
    for _ in 0..2 {
        place.clear_confirmation();
        while !place.is_confirmed() {
            if started.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    true
}

fn counts(place: &HeaderPlace, buffer: ZShm) -> bool {
    let references = || CountWord::load(&place.header().references);
    let mut seen = vec![references()];
    let second = buffer.clone();
    seen.push(references());
    drop(buffer);
    seen.push(references());
    drop(second);
    seen.push(references());
    seen == [1, 2, 1, 0] && place.is_same_generation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_the_zenoh_in_use_is_laid_out_as_known() {
        assert!(layout_is_known(&mut Headers::default()).unwrap());
    }
}
