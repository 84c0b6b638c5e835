//! Why a request is none, or none for its model.

use std::fmt;

use crate::inference::{Datatype, EncodeError, MOST_TENSORS, TensorError};

/// The dimensions of a tensor, as the protocol writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(pub Vec<i64>);

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[")?;
        for (number, size) in self.0.iter().enumerate() {
            let before = if number == 0 { "" } else { "," };
            write!(formatter, "{before}{size}")?;
        }
        formatter.write_str("]")
    }
}

/// A request is none, or does not fit its model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The datatype is unknown.
    #[error(
        "the input '{name}' is of the datatype '{datatype}', which there is not: use one of the protocol's"
    )]
    Datatype {
        /// The input.
        name: String,
        /// What it is said to be of.
        datatype: String,
    },
    /// An input is no tensor.
    #[error("the input '{name}' is no tensor: {error}")]
    Tensor {
        /// The input.
        name: String,
        /// Why.
        #[source]
        error: TensorError,
    },
    /// There are too many inputs or outputs.
    #[error(
        "there are {tensors} inputs or outputs: put what belongs together into one, {MOST_TENSORS} at most"
    )]
    TooMany {
        /// How many there are.
        tensors: usize,
    },
    /// An input or an output is there twice.
    #[error("'{name}' is there twice: leave one out")]
    Twice {
        /// Which.
        name: String,
    },
    /// The model has no such input.
    #[error(
        "unexpected inference input '{name}': the model has none of this name, see its metadata"
    )]
    UnknownInput {
        /// Its name.
        name: String,
    },
    /// An input is not there.
    #[error("the input '{name}' is missing: send all that the model's metadata has")]
    MissingInput {
        /// Its name.
        name: String,
    },
    /// The model has no such output.
    #[error(
        "unexpected inference output '{name}': the model has none of this name, see its metadata"
    )]
    UnknownOutput {
        /// Its name.
        name: String,
    },
    /// An input is of another datatype than the model takes.
    #[error(
        "inference input '{name}' data-type is '{got}', but the model expects '{expected}': convert it"
    )]
    WrongDatatype {
        /// The input.
        name: String,
        /// What it is of.
        got: Datatype,
        /// What the model takes.
        expected: Datatype,
    },
    /// An input has another shape than the model takes.
    #[error("unexpected shape for input '{name}'. Expected {expected}, got {got}: reshape it")]
    WrongShape {
        /// The input.
        name: String,
        /// What it has.
        got: Shape,
        /// What the model takes; -1 is anything.
        expected: Shape,
    },
    /// There are raw contents, but not one for each input.
    #[error(
        "there are {raw} raw contents for {inputs} inputs: send one for each, in their order, or typed ones only"
    )]
    RawContents {
        /// How many there are.
        raw: usize,
        /// For how many inputs.
        inputs: usize,
    },
    /// An input has raw and typed contents.
    #[error(
        "contents field must not be specified when using raw_input_contents for '{name}': send it once"
    )]
    BothContents {
        /// The input.
        name: String,
    },
    /// Typed contents stand in another field than the datatype's.
    #[error(
        "the input '{name}' of {datatype} has contents in the field of another datatype: {remedy}"
    )]
    ContentsField {
        /// The input.
        name: String,
        /// Its datatype.
        datatype: Datatype,
        /// Where they belong.
        remedy: &'static str,
    },
    /// A typed element is beyond what its datatype holds.
    #[error(
        "the input '{name}' has the element {value}, which {datatype} cannot hold: use a wider datatype"
    )]
    Element {
        /// The input.
        name: String,
        /// Its datatype.
        datatype: Datatype,
        /// The element.
        value: i64,
    },
    /// A parameter has no value.
    #[error("the parameter '{name}' has no value: give it one, or leave it out")]
    NoValue {
        /// The parameter.
        name: String,
    },
    /// A parameter of the protocol's own has a value of the wrong kind.
    #[error("the parameter '{name}' has a value of the wrong kind: give it {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It cannot go on to a worker.
    #[error("the request cannot go on to a worker: {0}")]
    Encode(#[from] EncodeError),
    /// The deadline in the header is none.
    #[error(
        "the header grpc-timeout is {value:?}: give it up to eight digits and one of H, M, S, m, u, n"
    )]
    Timeout {
        /// What it is.
        value: String,
    },
}
