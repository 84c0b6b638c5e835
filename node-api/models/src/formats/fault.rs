//! What is wrong with a model file, in detail. [`FormatError`](super::FormatError) adds which file and which tensor.

use std::io;

/// What is wrong with a safetensors header, or with an index of safetensors files.
#[derive(Debug, thiserror::Error)]
pub enum HeaderFault {
    /// Not even a header's length.
    #[error("the file has {bytes} bytes, which is too short for one. Fetch it again.")]
    TooShort {
        /// Bytes of the file.
        bytes: u64,
    },
    /// The header would end behind the file.
    #[error(
        "it says {bytes} bytes, but only {left} follow. The file is cut or damaged: fetch it again."
    )]
    Cut {
        /// Bytes that the header claims.
        bytes: u64,
        /// Bytes that the file has behind the length.
        left: u64,
    },
    /// Longer than [`Limits::header_bytes`](super::Limits::header_bytes).
    #[error("it has {bytes} bytes, of at most {limit}. Raise the limit if the file is trusted.")]
    TooLong {
        /// Bytes of it.
        bytes: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// The format wants an object, without space in front.
    #[error("it does not begin with a brace. Fetch the file again.")]
    NoBrace,
    /// No JSON, or another shape than the format's.
    #[error("{source}. Save the model again with a current safetensors.")]
    Json {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// JSON parsers do not agree which one counts.
    #[error("the key {key:?} is in it twice. Save the model again.")]
    Repeated {
        /// The key.
        key: String,
    },
    /// The format wants every byte to belong to a tensor.
    #[error("bytes {from} to {to} of the data belong to no tensor. Save the model again.")]
    Hole {
        /// The first of them, counted from the end of the header.
        from: u64,
        /// The byte behind the last of them.
        to: u64,
    },
    /// An index that does not say where the tensors are.
    #[error("it has no weight_map. Name the index that was saved with the shards.")]
    NoMap,
    /// The shard of an index is there, the tensor is not.
    #[error(
        "it places tensor {tensor:?} in {shard:?}, which does not have it. Fetch both again, of one revision."
    )]
    NotInShard {
        /// The tensor.
        tensor: String,
        /// The shard, as the index names it.
        shard: String,
    },
}

/// Why bytes are no protocol buffer message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// The message ends inside a field.
    #[error("a field is cut off")]
    Cut,
    /// A number of variable length does not end within 64 bits.
    #[error("a number is too long")]
    Number,
    /// A field has the number 0 or one over 2^29 - 1.
    #[error("a field has an impossible number")]
    FieldNumber,
    /// A group, which ONNX never had, or a type that does not exist.
    #[error("a field is of wire type {0}, which no ONNX model has")]
    WireType(u8),
    /// A field says that it is longer than the message around it.
    #[error("a field says {bytes} bytes where only {left} are left")]
    Length {
        /// What it says.
        bytes: u64,
        /// What is left.
        left: u64,
    },
    /// A field of ONNX is of another wire type than ONNX gives it.
    #[error("field {0} is of another wire type than ONNX gives it")]
    OtherType(u32),
    /// A field is there more often than ONNX has it.
    #[error("field {0} is there more often than ONNX has it")]
    TooOften(u32),
    /// Graphs in graphs without an end.
    #[error("messages are nested deeper than {0}")]
    Depth(usize),
    /// What should be text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A file name, a dimension's name or an input's name over [`Limits::name_bytes`](super::Limits::name_bytes).
    #[error("a name has {bytes} bytes, of at most {limit}")]
    Name {
        /// Bytes of the name.
        bytes: u64,
        /// How many are allowed.
        limit: usize,
    },
    /// More dimensions than [`Limits::rank`](super::Limits::rank).
    #[error("a shape has more than {0} dimensions")]
    Rank(usize),
}

/// What is wrong with an ONNX model as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphFault {
    /// A protocol buffer, but no model.
    #[error("it has no graph. Name the file of a model, not of a tensor.")]
    NoGraph,
    /// Protocol buffers would merge them.
    #[error("it has two graphs. Export it again.")]
    TwoGraphs,
    /// Longer than [`Limits::graph_bytes`](super::Limits::graph_bytes) without its large tensors.
    #[error(
        "its graph has more than {limit} bytes beside its large initializers. Raise the limit if the file is trusted."
    )]
    TooLong {
        /// How many bytes are allowed.
        limit: u64,
    },
    /// A tensor in a node, a function or a subgraph is outside the file, where an engine would look for it unchecked.
    #[error(
        "byte {at} begins a tensor in a node, a function or a sparse initializer whose data is in another file. \
         Save the model with such tensors inside."
    )]
    ExternalInside {
        /// Where in the file.
        at: u64,
    },
}

/// Why a name is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No name, or an empty one.
    #[error("has no name.")]
    Empty,
    /// Longer than [`Limits::name_bytes`](super::Limits::name_bytes).
    #[error("has a name of {bytes} bytes, of at most {limit}.")]
    TooLong {
        /// Bytes of the name.
        bytes: u64,
        /// How many are allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("has a name that is not UTF-8.")]
    NotText,
    /// A zero byte, behind which C does not read.
    #[error("has a name with a zero byte in it.")]
    Zero,
    /// Two tensors of one name.
    #[error("has the name {0:?} of an earlier one.")]
    Taken(String),
}

/// What is wrong with a tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorFault {
    /// A type that is unknown, or whose elements are no whole bytes.
    #[error("its element type {dtype} is not served. Convert it to one of whole bytes.")]
    Element {
        /// As the file has it: safetensors' name, or ONNX's number.
        dtype: String,
    },
    /// More dimensions than [`Limits::rank`](super::Limits::rank).
    #[error("it has more than {limit} dimensions. Reshape it, or raise the limit.")]
    Rank {
        /// How many are allowed.
        limit: usize,
    },
    /// A dimension below zero.
    #[error("its dimension {0} is below zero. Export the model again.")]
    Negative(i64),
    /// Its shape times its element is no 64-bit number.
    #[error("its shape has more bytes than can be counted. Save the model again.")]
    Uncountable,
    /// The bytes do not fit the shape.
    #[error(
        "its shape and element type make {expected} bytes, but it has {bytes}. Save the model again."
    )]
    Misfit {
        /// What the file has.
        bytes: u64,
        /// What shape and element type ask for.
        expected: u64,
    },
    /// It ends before it begins.
    #[error("it begins at {from} and ends at {to}. Save the model again.")]
    Reversed {
        /// Begin of the data.
        from: u64,
        /// End of the data.
        to: u64,
    },
    /// It lies behind the end of the file.
    #[error(
        "bytes {offset} to {offset} + {bytes} are wanted of {left}. The file is cut or damaged: fetch it again."
    )]
    Outside {
        /// Where it begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
        /// Bytes that there are.
        left: u64,
    },
    /// It shares bytes with another one.
    #[error("it shares bytes with {other:?}. Save the model again.")]
    Overlap {
        /// The other one's name.
        other: String,
    },
    /// Its description lacks a part.
    #[error("it has no {0}. Save the model again.")]
    Missing(&'static str),
    /// Its description has one part twice, or one that the format does not have.
    #[error("its {0:?} is there twice or unknown. Save the model again.")]
    Unexpected(String),
    /// Bytes inside the model and a place in another file.
    #[error("it has data both in the model and in another file. Export the model again.")]
    TwoSources,
    /// What says where it lies is no decimal number of 64 bits.
    #[error("its {key} {value:?} is no number. Export the model again.")]
    NotANumber {
        /// `offset` or `length`.
        key: &'static str,
        /// What the model says.
        value: String,
    },
}

/// Why a file that a model names is not opened.
#[derive(Debug, thiserror::Error)]
pub enum PathFault {
    /// No name.
    #[error("that is no file's name. Export the model again.")]
    Empty,
    /// It begins at the root.
    #[error(
        "only files beside the model or below are read. Move the file there, and save the model again."
    )]
    Absolute,
    /// It has `..` in it.
    #[error(
        "only files beside the model or below are read, without \"..\". Move the file there, and save the model again."
    )]
    Parent,
    /// A zero byte, behind which the system does not read.
    #[error("the name has a zero byte in it. Export the model again.")]
    Zero,
    /// A link, or a folder that is one.
    #[error(
        "symbolic links are not followed, as they could lead anywhere. Put the file itself there \
         (huggingface_hub: download with local_dir)."
    )]
    Link,
    /// A folder, a FIFO, a device or a socket.
    #[error("that is no regular file. Put the file itself there.")]
    NotAFile,
    /// The system refused.
    #[error("{0}. Put the file beside the model, readable for this user.")]
    System(io::Error),
}
