//! Files of weights that everybody reads the same: safetensors of float32 in [0, 1).

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{Advice, fadvise};

use crate::Outcome;

/// Elements that are made before they are written.
const PIECE: usize = 1 << 16;

/// A file that was written.
pub struct ModelFile {
    pub path: PathBuf,
    /// Of all tensors.
    pub bytes: u64,
    /// The greatest element of each tensor.
    pub greatest: Vec<f32>,
}

impl ModelFile {
    /// Writes so many bytes in sixteen tensors, and has them on the disk.
    pub fn even(path: &Path, bytes: u64) -> Outcome<Self> {
        Self::write(path, &[bytes / 16 / 4; 16])
    }

    /// Writes tensors of so many elements, and has them on the disk.
    pub fn write(path: &Path, elements: &[u64]) -> Outcome<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let header = header(elements);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut piece = Vec::with_capacity(PIECE * 4);
        let mut greatest = Vec::with_capacity(elements.len());
        for length in elements {
            let (mut left, mut most) = (usize::try_from(*length)?, 0.0_f32);
            while left > 0 {
                piece.clear();
                for _ in 0..left.min(PIECE) {
                    // Marsaglia's xorshift64; the upper 24 bits.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let element = (random >> 40) as f32 / (1 << 24) as f32;
                    most = most.max(element);
                    piece.extend_from_slice(&element.to_le_bytes());
                }
                file.write_all(&piece)?;
                left -= left.min(PIECE);
            }
            greatest.push(most);
        }
        file.into_inner()?.sync_all()?;
        Ok(Self {
            path: path.to_owned(),
            bytes: elements.iter().sum::<u64>() * 4,
            greatest,
        })
    }

    /// Has the kernel forget what it keeps of the file in memory.
    pub fn forget(&self) -> Outcome {
        Ok(fadvise(File::open(&self.path)?, 0, None, Advice::DontNeed)?)
    }
}

fn header(elements: &[u64]) -> String {
    let mut start = 0;
    let tensors = elements.iter().enumerate().map(|(number, length)| {
        let end = start + length * 4;
        let told = format!(
            r#""{number:03}":{{"dtype":"F32","shape":[{length}],"data_offsets":[{start},{end}]}}"#
        );
        start = end;
        told
    });
    format!("{{{}}}", tensors.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_registry_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let file = ModelFile::write(&path, &[3, 0, PIECE as u64 + 1]).unwrap();
        let registry = zenoh_pinned_models::Registry::builder().build();
        let weights = registry.load("m", &path).unwrap();
        for (number, greatest) in file.greatest.iter().enumerate() {
            let tensor = weights.tensor(&format!("{number:03}")).unwrap().unwrap();
            let elements = tensor.as_slice::<f32>().unwrap();
            assert!(elements.iter().all(|element| (0.0..1.0).contains(element)));
            assert_eq!(elements.iter().copied().fold(0.0, f32::max), *greatest);
        }
        assert_eq!(file.bytes, (PIECE as u64 + 4) * 4);
    }
}
