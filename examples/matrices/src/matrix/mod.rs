//! What a matrix is: so many rows and columns of numbers of one type, row after row, little-endian.
//!
//! Plain values that every process of a run agrees on. They are told as text the way NumPy and Zarr
//! spell it ("float64", "1000x1000") and as JSON the same. Nothing here touches a file or memory that
//! is shared.
//!
//! Invariants:
//! - A [`Shape`] has at least one row and one column, however it was made.
//! - [`checksum`] is CRC-32C of the bytes as they lie in memory, so it is the same on every machine.

mod element;
mod form;

pub use self::element::{ElementType, ElementTypeError};
pub use self::form::{Form, FormError, Shape, ShapeError};

/// CRC-32C of `bytes`, by the processor's own instruction where it has one.
///
/// ```
/// assert_eq!(matrices::matrix::checksum(b"123456789"), 0xE306_9283);
/// ```
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

#[cfg(test)]
mod tests;
