//! How many fields a request's message has, before memory is taken for them.
//!
//! An empty field takes two bytes in a message and some hundred when it was read, so a message within its limit could take
//! a hundred times the memory. Fields are counted as they lie, without reading them: those of the request, of its tensors
//! and of their contents. Elements of numbers count as one field together, as every client writes them.
//!
//! Knowingly weak: small numbers in a tensor's typed contents take up to sixteen times their bytes until they were read.

use super::ControlError;

/// The most fields of a request's message: also the most elements of BYTES that are not sent raw.
pub(super) const MOST_FIELDS: usize = 1 << 17;

/// A message that has fields which can be there many times.
#[derive(Clone, Copy)]
enum Message {
    Request,
    Tensor,
    Output,
    Contents,
}

impl Message {
    /// What lies in a field, where that has to be counted too.
    fn within(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Request, 5) => Some(Self::Tensor),
            (Self::Request, 6) => Some(Self::Output),
            (Self::Tensor, 5) => Some(Self::Contents),
            _ => None,
        }
    }
}

/// Refuses a request's message that has too many fields. One that is none is for whoever reads it to refuse.
pub(super) fn check(request: &[u8]) -> Result<(), ControlError> {
    let mut left = MOST_FIELDS;
    // What is malformed is not read beyond that place either.
    match count(request, Message::Request, &mut left) {
        Some(()) => Ok(()),
        None if left > 0 => Ok(()),
        None => Err(ControlError::TooManyFields { most: MOST_FIELDS }),
    }
}

/// Nothing where it is malformed, or where none is left.
fn count(mut bytes: &[u8], message: Message, left: &mut usize) -> Option<()> {
    while !bytes.is_empty() {
        *left -= 1;
        if *left == 0 {
            return None;
        }
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => drop(split(&mut bytes, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let inner = split(&mut bytes, length)?;
                if let Some(within) = message.within(key >> 3) {
                    count(inner, within, left)?;
                }
            }
            // The ends of a group: what lies between them is counted as it comes.
            3 | 4 => {}
            5 => drop(split(&mut bytes, 4)?),
            _ => return None,
        }
    }
    Some(())
}

fn split<'a>(bytes: &mut &'a [u8], at: usize) -> Option<&'a [u8]> {
    let (before, behind) = bytes.split_at_checked(at)?;
    *bytes = behind;
    Some(before)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::{super::protocol::inference::*, *};

    fn is_refused(message: &[u8]) -> bool {
        match check(message) {
            Ok(()) => false,
            Err(ControlError::TooManyFields { most: MOST_FIELDS }) => true,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_can_be_there_many_times_is_counted() {
        for key in [
            "parameters",
            "inputs",
            "outputs",
            "raw",
            "contents",
            "tensor's parameters",
            "output's parameters",
        ] {
            let message = |count: usize| {
                // An empty field each.
                let fields = |tag: u8| [tag << 3 | 2, 0].repeat(count);
                let inside = |tag: u8, inner: Vec<u8>| {
                    let mut bytes = vec![tag << 3 | 2];
                    prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
                    bytes.extend(inner);
                    bytes
                };
                match key {
                    "parameters" => fields(4),
                    "inputs" => fields(5),
                    "outputs" => fields(6),
                    "raw" => fields(7),
                    "contents" => inside(5, inside(5, fields(8))),
                    "tensor's parameters" => inside(5, fields(4)),
                    _ => inside(6, fields(2)),
                }
            };
            assert!(!is_refused(&message(MOST_FIELDS - 4)), "{key}");
            assert!(is_refused(&message(MOST_FIELDS)), "{key}");
            assert!(
                ModelInferRequest::decode(&message(100)[..]).is_ok(),
                "{key}"
            );
        }
    }

    #[test]
    fn what_is_large_and_not_many_goes_on() {
        let input = model_infer_request::InferInputTensor {
            contents: Some(InferTensorContents {
                int64_contents: vec![1; 1 << 20],
                fp32_contents: vec![1.0; 1 << 20],
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = ModelInferRequest {
            inputs: vec![input],
            raw_input_contents: vec![vec![8; 1 << 20].into()],
            ..Default::default()
        };
        assert!(!is_refused(&request.encode_to_vec()));
    }

    #[test]
    fn what_is_malformed_is_no_panic() {
        let mut state = 7_u64;
        for length in 0..2000 {
            let bytes = (0..length % 60).map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            });
            assert!(!is_refused(&bytes.collect::<Vec<_>>()));
        }
        for bytes in [
            &b"\x2a"[..],
            b"\x2a\xff",
            b"\x2a\x05a",
            b"\x80",
            &[0xFF; 12],
            b"\x0f",
            b"\x09\0",
        ] {
            assert!(!is_refused(bytes), "{bytes:?}");
        }
    }
}
