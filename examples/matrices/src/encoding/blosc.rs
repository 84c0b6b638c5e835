//! One call of c-blosc, the library that zarrs itself decodes with.
//!
//! The variant with a context of its own: no global state, no lock, no thread, no environment variable.
//! Its promise never to write beyond the room it is told does not hold: c-blosc 1.21 writes a header of
//! 16 bytes and the places of its blocks before it looks at the room. So the room that always suffices
//! is asked for, always.

use std::ffi::{c_int, c_void};

use super::EncodeError;

/// What a chunk has beyond its content at most.
pub(super) const MOST_OVERHEAD: usize = blosc_src::BLOSC_MAX_OVERHEAD as usize;

const MOST_BYTES: usize = blosc_src::BLOSC_MAX_BUFFERSIZE as usize;

/// The level of blosc, 1 to 9, that is nearest to `level` of zstd. blosc takes zstd's `2n - 1` for its
/// own `n`, and zstd's 22 for 9.
pub(super) fn level(level: i32) -> i32 {
    match level {
        19.. => 9,
        level => ((level + 1) / 2).clamp(1, 8),
    }
}

/// Whether blosc takes a matrix of so many bytes.
pub(super) fn check(bytes: usize) -> Result<(), EncodeError> {
    match bytes <= MOST_BYTES {
        true => Ok(()),
        false => Err(EncodeError::TooLarge {
            bytes,
            most: MOST_BYTES,
        }),
    }
}

/// Compresses `matrix` into `into` and says how many bytes that were.
pub(super) fn compress(
    zstd_level: i32,
    element_bytes: usize,
    matrix: &[u8],
    into: &mut [u8],
) -> Result<usize, EncodeError> {
    check(matrix.len())?;
    let room = matrix.len() + MOST_OVERHEAD;
    if into.len() < room {
        return Err(EncodeError::NoRoom {
            room: into.len(),
            most: room,
        });
    }
    // SAFETY: `matrix` and `into` are valid for the lengths given and cannot overlap, as one of them is
    // borrowed mutably. blosc writes no more than `room` bytes, which `into` has: with a header's length
    // more than the matrix there is room for header, places and blocks, or for a header and a copy.
    // The name of the compressor ends with a zero.
    let code = unsafe {
        blosc_src::blosc_compress_ctx(
            level(zstd_level),
            blosc_src::BLOSC_SHUFFLE as c_int,
            element_bytes,
            matrix.len(),
            matrix.as_ptr().cast::<c_void>(),
            into.as_mut_ptr().cast::<c_void>(),
            room,
            blosc_src::BLOSC_ZSTD_COMPNAME.as_ptr().cast(),
            0,
            1,
        )
    };
    match usize::try_from(code) {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(EncodeError::Blosc { code }),
    }
}
