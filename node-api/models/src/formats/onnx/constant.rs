//! `Constant` nodes: the other place where a graph keeps its weights.
//!
//! Some exporters (Paddle's) write no initializer at all. A node of the standard operator `Constant` with one tensor
//! means the same as an initializer of its output's name, and ONNX Runtime makes one of it when it loads a graph; so
//! here, too, it can become one. Whatever is not exactly that remains a node.

use std::ops::Range;

use super::wire::{Field, Message, Reader};
use crate::formats::FormatError;

const NODE_INPUT: u32 = 1;
const NODE_OUTPUT: u32 = 2;
const NODE_OPERATOR: u32 = 4;
const NODE_ATTRIBUTE: u32 = 5;
const NODE_DOMAIN: u32 = 7;
const ATTRIBUTE_NAME: u32 = 1;
const ATTRIBUTE_TENSOR: u32 = 5;
const ATTRIBUTE_TYPE: u32 = 20;
const TYPE_TENSOR: u64 = 4;

/// A node that means one tensor.
pub(super) struct Constant {
    /// Where the name of its output is.
    pub(super) output: Range<u64>,
    /// Its `TensorProto`.
    pub(super) tensor: Message,
}

/// What the node means; `None` where it is anything else.
pub(super) fn read(
    mut node: Message,
    reader: &mut Reader<'_>,
) -> Result<Option<Constant>, FormatError> {
    let (mut output, mut attribute, mut is_constant) = (None, None, false);
    while let Some(field) = node.next(reader)? {
        let fits = match field.number {
            NODE_INPUT => false,
            NODE_OUTPUT => is_first(&mut output, &field),
            NODE_ATTRIBUTE => is_first(&mut attribute, &field),
            NODE_OPERATOR => {
                is_constant = is(&field, "Constant", reader)?;
                is_constant
            }
            NODE_DOMAIN => is(&field, "", reader)? || is(&field, "ai.onnx", reader)?,
            _ => true,
        };
        if !fits {
            return Ok(None);
        }
    }
    let (Some(output), Some(attribute), true) = (output, attribute, is_constant) else {
        return Ok(None);
    };
    let tensor = value(Message::new(attribute), reader)?;
    Ok(tensor
        .filter(|_| !output.is_empty())
        .map(|tensor| Constant { output, tensor }))
}

/// The tensor of an attribute that is called `value` and has nothing else.
fn value(mut attribute: Message, reader: &mut Reader<'_>) -> Result<Option<Message>, FormatError> {
    let (mut tensor, mut is_value) = (None, false);
    while let Some(field) = attribute.next(reader)? {
        let fits = match field.number {
            ATTRIBUTE_NAME => {
                is_value = is(&field, "value", reader)?;
                is_value
            }
            ATTRIBUTE_TENSOR => is_first(&mut tensor, &field),
            ATTRIBUTE_TYPE => field.if_number() == Some(TYPE_TENSOR),
            _ => false,
        };
        if !fits {
            return Ok(None);
        }
    }
    Ok(tensor.filter(|_| is_value).map(Message::new))
}

/// Takes the bytes of a field; `false` where there were some already, or there are none.
fn is_first(place: &mut Option<Range<u64>>, field: &Field) -> bool {
    let bytes = field.if_bytes();
    bytes.is_some() && std::mem::replace(place, bytes).is_none()
}

fn is(field: &Field, text: &str, reader: &mut Reader<'_>) -> Result<bool, FormatError> {
    let Some(range) = field.if_bytes() else {
        return Ok(false);
    };
    if range.end - range.start != text.len() as u64 {
        return Ok(false);
    }
    let mut found = Vec::new();
    reader.append(range, &mut found)?;
    Ok(found == text.as_bytes())
}
