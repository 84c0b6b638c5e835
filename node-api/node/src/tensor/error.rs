//! What can go wrong with a tensor, by operation.

use std::ops::Range;

use zenoh_pinned::{AllocError, FrameError};

use super::ElementType;

/// Why bytes are no tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The shape is larger than any memory.
    #[error(
        "{} of shape {shape:?} are more than any memory has: look whether its sizes are in elements, not in bytes",
        element.name()
    )]
    Overflow {
        /// The type of the elements.
        element: ElementType,
        /// The shape asked for.
        shape: Vec<usize>,
    },
    /// The shape has more or fewer bytes than there are.
    #[error(
        "{} of shape {shape:?} are {needed} bytes, and {given} are given: give the part that they are \
        , or the shape that these have",
        element.name()
    )]
    Bytes {
        /// The type of the elements.
        element: ElementType,
        /// The shape asked for.
        shape: Vec<usize>,
        /// Bytes of that shape.
        needed: usize,
        /// Bytes that there are.
        given: usize,
    },
    /// The bytes begin where such elements cannot be read.
    #[error(
        "{} have to begin at a multiple of {} bytes, and these begin at {address:#x}: lay them there, or copy them into \
         a slot, which is page-aligned",
        element.name(), element.bytes()
    )]
    Misaligned {
        /// The type of the elements.
        element: ElementType,
        /// Where they begin.
        address: usize,
    },
    /// The part reaches beyond its frame.
    #[error(
        "the bytes {range:?} are not all of a frame of {bytes}: look at where the tensor begins and ends in it"
    )]
    Outside {
        /// The part asked for, in bytes.
        range: Range<usize>,
        /// Bytes of the frame.
        bytes: usize,
    },
    /// The slot cannot be read as a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Why elements were not copied into a tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorCopyError {
    /// They are no tensor of that shape.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// There is no slot for them.
    #[error(transparent)]
    Alloc(#[from] AllocError),
}

/// Elements were asked for as another type than theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the elements are {}, not {}: ask for {}",
    element.name(), asked.name(), element.shown_as().name()
)]
pub struct SliceError {
    /// What they are.
    pub element: ElementType,
    /// What they were asked for as.
    pub asked: ElementType,
}
