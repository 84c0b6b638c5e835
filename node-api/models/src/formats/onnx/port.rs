//! Inputs and outputs of a graph, out of its `ValueInfoProto`s.

use std::ops::Range;

use super::tensor::of_onnx;
use super::wire::{Message, Reader};
use crate::formats::fault::MessageFault;
use crate::formats::{Dimension, FormatError, PortEntry};

/// The name that a value has, which is all that is needed of most.
pub(super) fn name(value: Range<u64>, reader: &mut Reader<'_>) -> Result<String, FormatError> {
    let mut name = None;
    let mut message = Message::new(value);
    while let Some(field) = message.next(reader)? {
        if field.number == 1 {
            field.once(&mut name, field.bytes(reader)?, reader)?;
        }
    }
    reader.text(name.unwrap_or(0..0))
}

/// A value with its type.
pub(super) fn read(
    name: String,
    value: Range<u64>,
    reader: &mut Reader<'_>,
) -> Result<PortEntry, FormatError> {
    let (mut element, mut shape) = (None, None);
    // ValueInfoProto.type, TypeProto.tensor_type
    let tensor = only(2, value, reader)?.map(|kind| only(1, kind, reader));
    if let Some(tensor) = tensor.transpose()?.flatten() {
        let mut tensor = Message::new(tensor);
        while let Some(field) = tensor.next(reader)? {
            match field.number {
                1 => field.once(&mut element, field.as_number(reader)?, reader)?,
                2 => field.once(&mut shape, field.bytes(reader)?, reader)?,
                _ => {}
            }
        }
    }
    Ok(PortEntry {
        name,
        element: element.and_then(|number| of_onnx(number as i32)),
        shape: shape.map(|shape| dimensions(shape, reader)).transpose()?,
    })
}

/// The bytes of the field `number`, if it is there.
fn only(
    number: u32,
    message: Range<u64>,
    reader: &mut Reader<'_>,
) -> Result<Option<Range<u64>>, FormatError> {
    let mut found = None;
    let mut message = Message::new(message);
    while let Some(field) = message.next(reader)? {
        if field.number == number {
            field.once(&mut found, field.bytes(reader)?, reader)?;
        }
    }
    Ok(found)
}

fn dimensions(shape: Range<u64>, reader: &mut Reader<'_>) -> Result<Vec<Dimension>, FormatError> {
    let mut dimensions = Vec::new();
    let mut shape = Message::new(shape);
    while let Some(field) = shape.next(reader)? {
        if field.number != 1 {
            continue;
        }
        if dimensions.len() == reader.limits.rank {
            return Err(reader.fault(field.whole.start, MessageFault::Rank(reader.limits.rank)));
        }
        dimensions.push(dimension(field.message(reader)?, reader)?);
    }
    Ok(dimensions)
}

fn dimension(mut message: Message, reader: &mut Reader<'_>) -> Result<Dimension, FormatError> {
    let mut dimension = Dimension::Unknown;
    // A value or a name; of both, protocol buffers take the last.
    while let Some(field) = message.next(reader)? {
        dimension = match field.number {
            1 => u64::try_from(field.as_number(reader)? as i64)
                .map_or(Dimension::Unknown, Dimension::Fixed),
            2 => match reader.text(field.bytes(reader)?)? {
                name if name.is_empty() => Dimension::Unknown,
                name => Dimension::Named(name),
            },
            _ => dimension,
        };
    }
    Ok(dimension)
}
