//! What a matrix is compressed to: the bytes of one chunk of a Zarr array, but for its checksum.
//!
//! Two ways, both of Zarr v3 itself, so that every reader knows them:
//! - plain: one zstd frame, with the size of its content and a checksum;
//! - shuffled: one chunk of blosc (version 1). The first bytes of all numbers come first, then all
//!   second bytes, and so on; zstd compresses the result. Numbers that resemble each other become
//!   much smaller this way, and faster.
//!
//! A matrix is compressed from where it lies to where the result is wanted, one slot of shared memory
//! to another; nothing of a result's size is allocated in between.
//!
//! Knowingly weak: blosc takes at most 2 GiB less 17 bytes, and it has nine levels, so zstd's 22 are
//! mapped to the nearest of them.

mod blosc;
mod encoder;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::encoder::Encoder;
use crate::matrix::ElementType;

/// How matrices are compressed.
///
/// ```
/// use matrices::encoding::Encoding;
/// use matrices::matrix::ElementType;
///
/// let encoding = Encoding::new(3, true)?;
/// let matrix = [7; 8000];
/// let mut slot = vec![0; encoding.most_bytes(matrix.len())];
/// let bytes = encoding.encoder(ElementType::F64)?.encode(&matrix, &mut slot)?;
/// assert!(bytes < 100);
/// # Ok::<(), matrices::encoding::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Encoding {
    level: i32,
    shuffle: bool,
}

/// What is written of an [`Encoding`].
#[derive(Serialize, Deserialize)]
struct Parts {
    level: i32,
    shuffle: bool,
}

/// Why a matrix was not compressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// zstd has no such level.
    #[error("There is no level {level} of compression. Take one from 1 (fast) to 22 (small).")]
    Level {
        /// What was asked for.
        level: i32,
    },
    /// The result may not fit.
    #[error(
        "The compressed matrix may not fit {room} bytes. Give it {most} bytes, which always suffice."
    )]
    NoRoom {
        /// Bytes there were.
        room: usize,
        /// Bytes that suffice, [`Encoding::most_bytes`].
        most: usize,
    },
    /// blosc cannot count that far.
    #[error(
        "A matrix of {bytes} bytes is more than blosc takes at once, {most}. Say --shuffle=false."
    )]
    TooLarge {
        /// Bytes of the matrix.
        bytes: usize,
        /// Bytes that blosc takes.
        most: usize,
    },
    /// The matrix is not a whole number of elements.
    #[error("{bytes} bytes are no whole number of {element}. Give the bytes of a whole matrix.")]
    PartOfAnElement {
        /// Bytes given.
        bytes: usize,
        /// Type they should be of.
        element: ElementType,
    },
    /// zstd itself failed, which mostly means that there was no memory.
    #[error("zstd failed: {reason}. Free some memory, or take a lower level.")]
    Zstd {
        /// zstd's own name for it.
        reason: &'static str,
    },
    /// blosc itself failed, which mostly means that there was no memory.
    #[error("blosc failed with {code}. Free some memory, or take a lower level.")]
    Blosc {
        /// blosc's own number for it.
        code: i32,
    },
}

impl Encoding {
    /// zstd at `level`, 1 to 22, of the bytes as they are or shuffled; [`EncodeError::Level`] for any
    /// other level.
    pub fn new(level: i32, shuffle: bool) -> Result<Self, EncodeError> {
        if !(1..=22).contains(&level) {
            return Err(EncodeError::Level { level });
        }
        Ok(Self { level, shuffle })
    }

    /// The level of zstd, 1 to 22.
    pub fn level(self) -> i32 {
        self.level
    }

    /// Whether the bytes are shuffled first.
    pub fn shuffle(self) -> bool {
        self.shuffle
    }

    /// Whether a matrix of so many bytes can be compressed so; [`EncodeError::TooLarge`].
    pub fn check(self, matrix_bytes: usize) -> Result<(), EncodeError> {
        match self.shuffle {
            true => blosc::check(matrix_bytes),
            false => Ok(()),
        }
    }

    /// Bytes that the result of so many bytes can have at most.
    pub fn most_bytes(self, matrix_bytes: usize) -> usize {
        if self.shuffle {
            matrix_bytes.saturating_add(blosc::MOST_OVERHEAD)
        } else {
            zstd::zstd_safe::compress_bound(matrix_bytes)
        }
    }

    /// Something that compresses matrices of `element` one after the other. It keeps what zstd needs
    /// from one matrix to the next, so one per thread is best.
    pub fn encoder(self, element: ElementType) -> Result<Encoder, EncodeError> {
        Encoder::new(self, element)
    }

    /// The codecs of a Zarr array whose chunks are such results, each followed by the CRC-32C of it.
    pub fn codecs(self, element: ElementType) -> Vec<Value> {
        let compressed = if self.shuffle {
            json!({"name": "blosc", "configuration": {
                "cname": "zstd",
                "clevel": blosc::level(self.level),
                "shuffle": "shuffle",
                "typesize": element.bytes(),
                "blocksize": 0,
            }})
        } else {
            json!({"name": "zstd", "configuration": {"level": self.level, "checksum": true}})
        };
        vec![
            json!({"name": "bytes", "configuration": {"endian": "little"}}),
            compressed,
            json!({"name": "crc32c"}),
        ]
    }
}

impl From<Encoding> for Parts {
    fn from(Encoding { level, shuffle }: Encoding) -> Self {
        Self { level, shuffle }
    }
}

impl TryFrom<Parts> for Encoding {
    type Error = EncodeError;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        Self::new(parts.level, parts.shuffle)
    }
}

#[cfg(test)]
mod tests;
