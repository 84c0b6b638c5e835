//! Why a model's files are not opened.

use std::io;
use std::path::PathBuf;

use super::fault::{GraphFault, HeaderFault, MessageFault, NameFault, PathFault, TensorFault};

/// Why a model's files are not opened.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The system refused to open it.
    #[error("{} cannot be opened: {source}. Name a file that this user may read.", file.display())]
    Open {
        /// What was to be opened.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, a FIFO, a device or a socket.
    #[error("{} is no regular file. Name the model's file itself.", file.display())]
    NotAFile {
        /// What was opened.
        file: PathBuf,
    },
    /// The system refused to read, or the file became shorter.
    #[error("{} cannot be read: {source}. Check the device, and that nobody writes to the file.", file.display())]
    Read {
        /// What was read.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody wrote to it meanwhile.
    #[error("{} was changed while it was read. Load it again once nobody writes to it.", file.display())]
    Changed {
        /// What was read.
        file: PathBuf,
    },
    /// Neither its content nor its name says what it is.
    #[error(
        "{} is neither safetensors, nor ONNX, nor an index of safetensors files. Convert the model to one of them.",
        file.display()
    )]
    UnknownFormat {
        /// What was read.
        file: PathBuf,
    },
    /// The header of a safetensors file, or an index of several, is not what the format allows.
    #[error("What {} says of its tensors is refused: {fault}", file.display())]
    Header {
        /// What was read.
        file: PathBuf,
        /// Cause and remedy.
        fault: HeaderFault,
    },
    /// Bytes of an ONNX file are no protocol buffer.
    #[error("{} is damaged at byte {at}: {fault}. Fetch or export the model again.", file.display())]
    Message {
        /// What was read.
        file: PathBuf,
        /// Where in the file.
        at: u64,
        /// The cause.
        fault: MessageFault,
    },
    /// An ONNX model as a whole is not what can be served.
    #[error("The ONNX model {} is refused: {fault}", file.display())]
    Graph {
        /// What was read.
        file: PathBuf,
        /// Cause and remedy.
        fault: GraphFault,
    },
    /// A tensor is called what no tensor can be called.
    #[error("Tensor number {number} of {} {fault} Save the model with other names.", file.display())]
    Name {
        /// What was read.
        file: PathBuf,
        /// The how-manieth tensor that the file describes, from zero.
        number: usize,
        /// The cause.
        fault: NameFault,
    },
    /// A tensor's description is not true of the file, or not to be served.
    #[error("Tensor {tensor:?} of {} is refused: {fault}", file.display())]
    Tensor {
        /// What was read.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Cause and remedy.
        fault: TensorFault,
    },
    /// A model names another file in a way that is not followed.
    #[error("{} wants tensor {tensor:?} out of {location:?}: {fault}", file.display())]
    Path {
        /// The model or index.
        file: PathBuf,
        /// The tensor whose bytes were wanted.
        tensor: String,
        /// What the model says.
        location: String,
        /// Cause and remedy.
        fault: PathFault,
    },
    /// More than the limits allow.
    #[error("{} has more than {limit} {of}. Raise the limit if the file is trusted.", file.display())]
    TooMany {
        /// What was read.
        file: PathBuf,
        /// What there are too many of.
        of: Counted,
        /// How many are allowed.
        limit: usize,
    },
}

/// What a model can have too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// [`Limits::tensors`](super::Limits::tensors).
    Tensors,
    /// [`Limits::files`](super::Limits::files).
    Files,
    /// Inputs and outputs, bound by [`Limits::tensors`](super::Limits::tensors).
    Ports,
    /// Entries of the metadata, bound by [`Limits::tensors`](super::Limits::tensors).
    Metadata,
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tensors => "tensors",
            Self::Files => "files",
            Self::Ports => "inputs or outputs",
            Self::Metadata => "entries of metadata",
        })
    }
}
