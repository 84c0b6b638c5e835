//! What goes to a model and comes back.

use std::{collections::BTreeMap, time::Instant};

use serde::{Deserialize, Serialize};

use super::Tensor;

/// A value that a request or an answer has under a name.
///
/// Knowingly weak: in the encoding an [`Int64`](Self::Int64) that is not negative and a [`Uint64`](Self::Uint64) are the
/// same; what fits the former comes back as it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int64(i64),
    /// A whole number that is not negative.
    Uint64(u64),
    /// A number; infinite ones, and those that are none, cannot be encoded.
    Double(f64),
    /// A text.
    String(String),
}

/// Parameters by their names.
pub type Parameters = BTreeMap<String, Parameter>;

/// What a model is asked.
///
/// ```
/// use zenoh_pinned_models::{ElementType, inference::{InferenceRequest, Tensor}};
///
/// let request = InferenceRequest {
///     model_name: "ocr".into(),
///     inputs: vec![Tensor::new("x", ElementType::Float32, [1], 1_f32.to_le_bytes().to_vec())?],
///     ..Default::default()
/// };
/// let encoder = request.encoder()?;
/// let mut slot = vec![0; encoder.bytes()];
/// encoder.write(&mut slot)?;
/// assert_eq!(InferenceRequest::decode(slot.into())?, request);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferenceRequest {
    /// Which model.
    pub model_name: String,
    /// Which of its versions; empty for the one that is ready.
    pub model_version: String,
    /// Whatever the client calls it.
    pub id: String,
    /// What else the client wants of the model.
    pub parameters: Parameters,
    /// Tensors of different names.
    pub inputs: Vec<Tensor>,
    /// The names of the outputs that are wanted; none: all.
    pub outputs: Vec<String>,
    /// When nobody wants the answer any more. It stays in this process: nothing of it is encoded.
    pub deadline: Option<Instant>,
}

/// What a model answers.
///
/// ```
/// use zenoh_pinned_models::inference::{Datatype, InferenceAnswer, Tensor};
///
/// let answer = InferenceAnswer {
///     model_name: "ocr".into(),
///     outputs: vec![Tensor::new("text", Datatype::Bytes, [1], &b"\x02\0\0\042"[..])?],
///     ..Default::default()
/// };
/// let encoder = answer.encoder()?;
/// let mut slot = vec![0; encoder.bytes()];
/// encoder.write(&mut slot)?;
/// assert_eq!(InferenceAnswer::decode(slot.into())?.outputs[0].strings().next(), Some(&b"42"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferenceAnswer {
    /// The model that has answered.
    pub model_name: String,
    /// Its version.
    pub model_version: String,
    /// As the request has it.
    pub id: String,
    /// What else the model tells.
    pub parameters: Parameters,
    /// Tensors of different names.
    pub outputs: Vec<Tensor>,
}
