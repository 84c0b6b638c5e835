//! Reads a request or an answer from one payload, which may be anything.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    ALIGNMENT, Datatype, DecodeError, HEAD_BYTES, InferenceAnswer, InferenceRequest, MOST_TENSORS,
    PREAMBLE, Tensor,
    head::{AnswerHead, Place, RequestHead},
    kind::Kind,
};

impl InferenceRequest {
    /// Reads one. Its tensors are pieces of `payload` and keep it.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(payload: Bytes) -> Result<Self, DecodeError> {
        let (head, data) = read::<RequestHead>(Kind::Request, payload)?;
        if head.outputs.len() > MOST_TENSORS {
            return Err(DecodeError::TooMany {
                tensors: head.outputs.len(),
            });
        }
        Ok(Self {
            model_name: head.model_name,
            model_version: head.model_version,
            id: head.id,
            parameters: head.parameters,
            inputs: tensors(head.inputs, &data)?,
            outputs: head.outputs.into_iter().map(|output| output.name).collect(),
            deadline: None,
        })
    }
}

impl InferenceAnswer {
    /// Reads one. Its tensors are pieces of `payload` and keep it: with [`Bytes::from_owner`] a slot of shared memory, say.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(payload: Bytes) -> Result<Self, DecodeError> {
        let (head, data) = read::<AnswerHead>(Kind::Answer, payload)?;
        Ok(Self {
            model_name: head.model_name,
            model_version: head.model_version,
            id: head.id,
            parameters: head.parameters,
            outputs: tensors(head.outputs, &data)?,
        })
    }
}

/// The head, and what the offsets in it count from.
fn read<H: DeserializeOwned>(kind: Kind, mut payload: Bytes) -> Result<(H, Bytes), DecodeError> {
    let bytes = payload.len();
    let short = DecodeError::Short { bytes };
    let Some((magic, rest)) = payload.split_first_chunk::<8>() else {
        return Err(short);
    };
    kind.check(*magic)?;
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Err(short);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > HEAD_BYTES {
        return Err(DecodeError::HeadLength { bytes: length });
    }
    let Some(head) = rest.get(..length) else {
        return Err(short);
    };
    // What lies in shared memory may change between a look and the next; a text must not.
    let head = head.to_vec();
    let head = serde_json::from_slice(&head).map_err(DecodeError::Head)?;
    let begin = (PREAMBLE + length).next_multiple_of(ALIGNMENT);
    if begin > bytes {
        return Err(short);
    }
    Ok((head, payload.split_off(begin)))
}

fn tensors(places: Vec<Place>, data: &Bytes) -> Result<Vec<Tensor>, DecodeError> {
    if places.len() > MOST_TENSORS {
        return Err(DecodeError::TooMany {
            tensors: places.len(),
        });
    }
    check_names(&places)?;
    check_overlaps(&places)?;
    let tensors = places.into_iter().map(|place| tensor(place, data));
    tensors.collect()
}

fn check_names(places: &[Place]) -> Result<(), DecodeError> {
    let mut names = BTreeSet::new();
    match places.iter().find(|place| !names.insert(&place.name)) {
        None => Ok(()),
        Some(place) => Err(DecodeError::Twice {
            name: place.name.clone(),
        }),
    }
}

fn check_overlaps(places: &[Place]) -> Result<(), DecodeError> {
    let mut filled: Vec<&Place> = places.iter().filter(|place| place.bytes > 0).collect();
    filled.sort_by_key(|place| place.offset);
    for pair in filled.windows(2) {
        if let [first, second] = pair
            && first.offset.saturating_add(first.bytes) > second.offset
        {
            return Err(DecodeError::Overlap {
                first: first.name.clone(),
                second: second.name.clone(),
            });
        }
    }
    Ok(())
}

fn tensor(place: Place, data: &Bytes) -> Result<Tensor, DecodeError> {
    let Place {
        name,
        datatype,
        shape,
        offset,
        bytes,
    } = place;
    let Some(datatype) = Datatype::of_name(&datatype) else {
        return Err(DecodeError::Datatype { name, datatype });
    };
    if !offset.is_multiple_of(ALIGNMENT as u64) {
        return Err(DecodeError::Unaligned { name, offset });
    }
    let range = usize::try_from(offset).ok().and_then(|begin| {
        let end = begin.checked_add(usize::try_from(bytes).ok()?)?;
        (end <= data.len()).then_some(begin..end)
    });
    let Some(range) = range else {
        return Err(DecodeError::Beyond {
            name,
            offset,
            bytes,
            room: data.len(),
        });
    };
    let tensor = Tensor::new(name.clone(), datatype, shape, data.slice(range));
    tensor.map_err(|error| DecodeError::Tensor { name, error })
}
