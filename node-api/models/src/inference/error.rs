//! Why a request or an answer cannot be encoded, and why bytes are neither.

use super::{ALIGNMENT, HEAD_BYTES, MOST_TENSORS, TensorError};

/// A request or an answer cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// There are too many tensors.
    #[error(
        "there are {tensors} tensors: put what belongs together into one, {MOST_TENSORS} at most"
    )]
    TooMany {
        /// How many there are.
        tensors: usize,
    },
    /// Two tensors have one name.
    #[error("two tensors are called {name:?}: give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// A parameter is no finite number.
    #[error("the parameter {name:?} is {value}: give it a finite number, or a text")]
    Parameter {
        /// Its name.
        name: String,
        /// What it is.
        value: f64,
    },
    /// Names, shapes and parameters are too long.
    #[error(
        "names, shapes and parameters take {bytes} bytes: shorten the parameters to {HEAD_BYTES} in all"
    )]
    Head {
        /// How many bytes they take.
        bytes: usize,
    },
    /// The place to write to is too short.
    #[error("there is room for {room} bytes: give it {bytes}")]
    Room {
        /// How many bytes it takes.
        bytes: usize,
        /// How many there are.
        room: usize,
    },
    /// The tensors are more than can be addressed.
    #[error("the tensors together are larger than any memory: leave some out")]
    TooLarge,
    /// The head cannot be written.
    #[error("the head cannot be written ({0}): please report this")]
    Json(#[source] serde_json::Error),
}

/// Bytes are no request or no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end before the data begin.
    #[error("there are {bytes} bytes, which end before the tensors begin: send the whole payload")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// They do not begin as an encoded request or answer does.
    #[error("they do not begin as an encoded request or answer does: encode it with this package")]
    Foreign,
    /// They are of another version.
    #[error(
        "they are of version {got} of the encoding: use one version of the package on both sides"
    )]
    Version {
        /// Which.
        got: u8,
    },
    /// An answer where a request should be.
    #[error("they are an answer, not a request: see who has sent them")]
    NoRequest,
    /// A request where an answer should be.
    #[error("they are a request, not an answer: see who has sent them")]
    NoAnswer,
    /// The head is too long.
    #[error("its head is of {bytes} bytes: shorten the parameters to {HEAD_BYTES} in all")]
    HeadLength {
        /// How many it has.
        bytes: usize,
    },
    /// The head is not the JSON that it should be.
    #[error("its head cannot be read ({0}): encode it with this package")]
    Head(#[source] serde_json::Error),
    /// There are too many tensors.
    #[error(
        "there are {tensors} tensors: put what belongs together into one, {MOST_TENSORS} at most"
    )]
    TooMany {
        /// How many there are.
        tensors: usize,
    },
    /// Two tensors have one name.
    #[error("two tensors are called {name:?}: give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// The datatype is unknown.
    #[error(
        "the tensor {name:?} is of {datatype:?}, which the protocol does not have: use one of its datatypes"
    )]
    Datatype {
        /// The tensor.
        name: String,
        /// What it is said to be of.
        datatype: String,
    },
    /// A tensor does not begin at a multiple of 64 bytes.
    #[error(
        "the tensor {name:?} begins at byte {offset} of the data: begin it at a multiple of {ALIGNMENT}"
    )]
    Unaligned {
        /// The tensor.
        name: String,
        /// Where it begins.
        offset: u64,
    },
    /// A tensor reaches beyond the end.
    #[error(
        "the tensor {name:?} is said to take {bytes} bytes from {offset} of {room} on: send the whole payload"
    )]
    Beyond {
        /// The tensor.
        name: String,
        /// Where it begins.
        offset: u64,
        /// How many it is said to take.
        bytes: u64,
        /// How many there are.
        room: usize,
    },
    /// Two tensors share bytes.
    #[error("the tensors {first:?} and {second:?} share bytes: lay each into bytes of its own")]
    Overlap {
        /// The one.
        first: String,
        /// The other, which begins no earlier.
        second: String,
    },
    /// A tensor is none.
    #[error("the tensor {name:?} is none: {error}")]
    Tensor {
        /// Which.
        name: String,
        /// Why.
        #[source]
        error: TensorError,
    },
}
