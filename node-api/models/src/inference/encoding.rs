//! Writes a request or an answer as one payload.

use std::collections::BTreeSet;

use super::{
    ALIGNMENT, EncodeError, HEAD_BYTES, InferenceAnswer, InferenceRequest, MOST_TENSORS, PREAMBLE,
    Parameter, Tensor,
    head::{AnswerHead, Place, RequestHead, Wanted},
    kind::Kind,
    request::Parameters,
};

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
