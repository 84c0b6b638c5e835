//! The checksums of the raw matrices, which the run's owner collects.

use std::collections::BTreeMap;

use zarrs::array::Array;
use zarrs::array::codec::CodecOptions;
use zarrs::filesystem::FilesystemStore;

use super::{Store, StoreError, layout};
use crate::matrix::checksum;

/// Checksums on their way to a store. They begin with nothing, so one of these serves a store from its
/// creation on; what it does not know of a chunk that it writes is written as not told.
#[derive(Debug, Default)]
pub struct Checksums {
    chunks: BTreeMap<u64, Chunk>,
}

#[derive(Debug)]
struct Chunk {
    checksums: Vec<u32>,
    /// Whether the disk does not know all of it.
    changed: bool,
}

impl Checksums {
    /// Keeps the checksum of the raw matrix of `number`.
    pub fn note(&mut self, number: u64, checksum: u32) {
        let chunk = self
            .chunks
            .entry(number / layout::CHECKSUMS_OF_A_CHUNK)
            .or_insert_with(|| Chunk {
                checksums: vec![0; layout::CHECKSUMS_OF_A_CHUNK as usize],
                changed: false,
            });
        chunk.checksums[place(number)] = checksum;
        chunk.changed = true;
    }

    /// Writes the chunks that something was noted for since they were written. After an error the rest
    /// is still to be written.
    pub fn write(&mut self, store: &Store) -> Result<(), StoreError> {
        for (number, chunk) in self.chunks.iter_mut().filter(|(_, chunk)| chunk.changed) {
            let bytes: Vec<u8> = chunk
                .checksums
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            let path = layout::checksum_chunks(store.folder()).join(number.to_string());
            store.replace(&path, &[&bytes, &checksum(&bytes).to_le_bytes()])?;
            chunk.changed = false;
        }
        Ok(())
    }
}

fn place(number: u64) -> usize {
    (number % layout::CHECKSUMS_OF_A_CHUNK) as usize
}

/// What a store was told of its raw matrices, read chunk by chunk.
pub(super) struct Told {
    array: Array<FilesystemStore>,
    chunks: BTreeMap<u64, Option<Vec<u32>>>,
}

/// What is known of one matrix's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Checksum(u32),
    NotTold,
    /// The chunk that holds it does not decode.
    Damaged,
}

impl Told {
    pub(super) fn new(array: Array<FilesystemStore>) -> Self {
        Self {
            array,
            chunks: BTreeMap::new(),
        }
    }

    pub(super) fn of(&mut self, number: u64) -> Known {
        let chunk = number / layout::CHECKSUMS_OF_A_CHUNK;
        let read = self.chunks.entry(chunk).or_insert_with(|| {
            let mut options = CodecOptions::default();
            options.set_concurrent_target(1);
            let read = self
                .array
                .retrieve_chunk_elements_if_exists_opt::<u32>(&[chunk], &options);
            read.map(Option::unwrap_or_default).ok()
        });
        match read.as_ref().map(|checksums| checksums.get(place(number))) {
            None => Known::Damaged,
            Some(None | Some(0)) => Known::NotTold,
            Some(Some(checksum)) => Known::Checksum(*checksum),
        }
    }
}
