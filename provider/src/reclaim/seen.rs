//! What a copy of zenoh's metadata says of chunks, to somebody who only looks.

use std::mem::offset_of;

use super::{
    chunk_header::{ChunkHeader, HEADERS, SEGMENT_BYTES},
    references,
};

/// Bytes of the part of a metadata segment that has the headers.
pub(crate) const HEADERS_BYTES: usize = HEADERS * size_of::<ChunkHeader>();

/// A chunk that references are out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenChunk {
    pub(crate) segment: u32,
    pub(crate) chunk: u32,
    pub(crate) references: u32,
    /// Nobody has confirmed it for a while.
    pub(crate) invalidated: bool,
}

/// Whether a file of this size can be one of zenoh's metadata.
pub(crate) fn may_be_metadata(bytes: u64) -> bool {
    bytes == SEGMENT_BYTES as u64
}

/// The chunks that the headers describe, whatever stands there.
pub(crate) fn chunks_in(headers: &[u8]) -> impl Iterator<Item = SeenChunk> {
    headers
        .chunks_exact(size_of::<ChunkHeader>())
        .filter_map(|header| {
            let number =
                |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
            let references = number(offset_of!(ChunkHeader, references))?;
            references::is_held(references).then_some(SeenChunk {
                segment: number(ChunkHeader::SEGMENT_AT)?,
                chunk: number(ChunkHeader::CHUNK_AT)?,
                references,
                invalidated: *header.get(ChunkHeader::INVALIDATED_AT)? != 0,
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_references_out_are_chunks_and_no_others() {
        let mut headers = vec![0; 3 * size_of::<ChunkHeader>()];
        let mut write = |header: usize, at: usize, value: u32| {
            let at = header * size_of::<ChunkHeader>() + at;
            headers[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        };
        for (header, references) in [(0, 2), (1, references::CLAIMED + 1)] {
            write(header, offset_of!(ChunkHeader, references), references);
            write(header, ChunkHeader::SEGMENT_AT, 7);
            write(header, ChunkHeader::CHUNK_AT, 4096);
        }
        write(0, ChunkHeader::INVALIDATED_AT, 1);
        let seen: Vec<_> = chunks_in(&headers).collect();
        let one = SeenChunk {
            segment: 7,
            chunk: 4096,
            references: 2,
            invalidated: true,
        };
        assert_eq!(seen, [one]);
        assert_eq!(chunks_in(&headers[1..31]).count(), 0);
    }
}
