//! Writes a request or an answer as one payload.

use std::collections::BTreeSet;

use super::{
    ALIGNMENT, HEAD_BYTES, InferenceAnswer, InferenceRequest, MOST_TENSORS, PREAMBLE, Parameter,
    Tensor,
    head::{AnswerHead, Place, RequestHead, Wanted},
    kind::Kind,
    request::Parameters,
};

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
    #[error("there is room for {room} bytes: give it {bytes}, as bytes() says")]
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

/// Writes one request or answer; made by their `encoder()`.
#[derive(Debug)]
pub struct Encoder<'a> {
    kind: Kind,
    head: Vec<u8>,
    tensors: &'a [Tensor],
    bytes: usize,
}

impl InferenceRequest {
    /// What writes it.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encoder(&self) -> Result<Encoder<'_>, EncodeError> {
        if self.outputs.len() > MOST_TENSORS {
            return Err(EncodeError::TooMany {
                tensors: self.outputs.len(),
            });
        }
        let wanted = self.outputs.iter().cloned().map(|name| Wanted { name });
        let (inputs, end) = places(&self.inputs)?;
        let head = RequestHead {
            model_name: self.model_name.clone(),
            model_version: self.model_version.clone(),
            id: self.id.clone(),
            parameters: finite(&self.parameters)?,
            inputs,
            outputs: wanted.collect(),
        };
        Encoder::new(Kind::Request, serde_json::to_vec(&head), &self.inputs, end)
    }
}

impl InferenceAnswer {
    /// What writes it.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encoder(&self) -> Result<Encoder<'_>, EncodeError> {
        let (outputs, end) = places(&self.outputs)?;
        let head = AnswerHead {
            model_name: self.model_name.clone(),
            model_version: self.model_version.clone(),
            id: self.id.clone(),
            parameters: finite(&self.parameters)?,
            outputs,
        };
        Encoder::new(Kind::Answer, serde_json::to_vec(&head), &self.outputs, end)
    }
}

impl<'a> Encoder<'a> {
    fn new(
        kind: Kind,
        head: serde_json::Result<Vec<u8>>,
        tensors: &'a [Tensor],
        end: usize,
    ) -> Result<Self, EncodeError> {
        let head = head.map_err(EncodeError::Json)?;
        if head.len() > HEAD_BYTES {
            return Err(EncodeError::Head { bytes: head.len() });
        }
        let begin = (PREAMBLE + head.len()).next_multiple_of(ALIGNMENT);
        let bytes = begin.checked_add(end).ok_or(EncodeError::TooLarge)?;
        Ok(Self {
            kind,
            head,
            tensors,
            bytes,
        })
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes it to the beginning of `into`, which should begin at a multiple of 64 bytes so that the tensors do. What lies
    /// behind it is left as it is.
    ///
    /// # Errors
    /// [`EncodeError::Room`], and then nothing was written.
    pub fn write(&self, into: &mut [u8]) -> Result<(), EncodeError> {
        let room = into.len();
        let into = into.get_mut(..self.bytes).ok_or(EncodeError::Room {
            bytes: self.bytes,
            room,
        })?;
        let mut writer = Writer { rest: into, at: 0 };
        writer.put(&self.kind.magic());
        // It is HEAD_BYTES at most.
        writer.put(&(self.head.len() as u32).to_le_bytes());
        writer.put(&self.head);
        writer.align();
        for tensor in self.tensors {
            writer.align();
            writer.put(tensor.data());
        }
        Ok(())
    }
}

/// Writes one piece after the other into memory that was measured for them.
struct Writer<'a> {
    rest: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let rest = std::mem::take(&mut self.rest);
        if let Some((here, rest)) = rest.split_at_mut_checked(bytes.len()) {
            here.copy_from_slice(bytes);
            self.rest = rest;
            self.at += bytes.len();
        }
    }

    fn align(&mut self) {
        let padding = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.put(&[0; ALIGNMENT][..padding]);
    }
}

/// Where the tensors lie, from where the data begin, and where they end.
fn places(tensors: &[Tensor]) -> Result<(Vec<Place>, usize), EncodeError> {
    if tensors.len() > MOST_TENSORS {
        return Err(EncodeError::TooMany {
            tensors: tensors.len(),
        });
    }
    let mut names = BTreeSet::new();
    let mut places = Vec::with_capacity(tensors.len());
    let mut end = 0_usize;
    for tensor in tensors {
        let name = tensor.name();
        if !names.insert(name) {
            return Err(EncodeError::Twice { name: name.into() });
        }
        let offset = end.checked_next_multiple_of(ALIGNMENT);
        let offset = offset.ok_or(EncodeError::TooLarge)?;
        let bytes = tensor.data().len();
        end = offset.checked_add(bytes).ok_or(EncodeError::TooLarge)?;
        places.push(Place {
            name: name.into(),
            datatype: tensor.datatype().name().into(),
            shape: tensor.shape().into(),
            offset: offset as u64,
            bytes: bytes as u64,
        });
    }
    Ok((places, end))
}

fn finite(parameters: &Parameters) -> Result<Parameters, EncodeError> {
    for (name, parameter) in parameters {
        if let Parameter::Double(value) = parameter
            && !value.is_finite()
        {
            return Err(EncodeError::Parameter {
                name: name.clone(),
                value: *value,
            });
        }
    }
    Ok(parameters.clone())
}
