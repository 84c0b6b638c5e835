//! The encoding in which a request goes on to a worker, and its answer comes back: one payload each.
//!
//! Holds: tensors, requests, answers; what writes them into a slot of shared memory, and what reads them there. No effect.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 5 | `zp-oip` |
//! | 6 | `q` for a request, `a` for an answer |
//! | 7 | the version, 1 |
//! | 8 to 11 | the head's length, little-endian |
//! | from 12 | the head: JSON in the names of the Open Inference Protocol |
//! | from the next multiple of 64 | the data, which each tensor's `offset` counts from |
//!
//! A tensor lies at a multiple of 64 bytes, so that whoever reads it takes it as an array where it lies; a slot begins at a
//! page. `zenoh_pinned.models` has the same for workers in Python.
//!
//! Invariants: what is read is checked whole before anything of it is used: bounds, alignment, overlaps, names, and that each
//! tensor has as many bytes as its shape and its datatype call for. What cannot be read is refused and never panics. A
//! tensor's bytes are copied once, when they are written.
//!
//! Knowingly weak: whoever can still write to the payload can change tensors' bytes after they were read here; lengths,
//! shapes and names were copied and stay. The lengths within a tensor of BYTES lie between those bytes, so
//! [`Tensor::strings`] checks them again.

mod datatype;
mod decoding;
mod encoding;
mod error;
mod head;
mod kind;
mod request;
mod tensor;
#[cfg(test)]
mod tests;

pub use datatype::Datatype;
pub use encoding::Encoder;
pub use error::{DecodeError, EncodeError};
pub use request::{InferenceAnswer, InferenceRequest, Parameter, Parameters};
pub use tensor::{MOST_DIMENSIONS, NAME_BYTES, Tensor, TensorError};

/// Where tensors begin, in bytes.
const ALIGNMENT: usize = 64;
/// Before the head.
const PREAMBLE: usize = 12;
/// The longest head.
const HEAD_BYTES: usize = 1 << 20;
/// The most tensors of a request or an answer, and the most outputs that are asked for.
pub const MOST_TENSORS: usize = 1024;
