//! A tensor's elements one by one, made to the bytes that they are everywhere else.

use bytes::Bytes;

use super::{InvalidRequest, protocol::inference::InferTensorContents};
use crate::{element::ElementType, inference::Datatype};

/// A field of the typed contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Bool,
    Int,
    Int64,
    Uint,
    Uint64,
    Fp32,
    Fp64,
    Bytes,
}

/// Where the elements of a datatype stand; `None` where they can only be sent raw.
fn field(datatype: Datatype) -> Option<Field> {
    let Datatype::Element(element) = datatype else {
        return Some(Field::Bytes);
    };
    match element {
        ElementType::Bool => Some(Field::Bool),
        ElementType::Int8 | ElementType::Int16 | ElementType::Int32 => Some(Field::Int),
        ElementType::Int64 => Some(Field::Int64),
        ElementType::Uint8 | ElementType::Uint16 | ElementType::Uint32 => Some(Field::Uint),
        ElementType::Uint64 => Some(Field::Uint64),
        ElementType::Float32 => Some(Field::Fp32),
        ElementType::Float64 => Some(Field::Fp64),
        ElementType::Float16
        | ElementType::BFloat16
        | ElementType::Float8E4M3
        | ElementType::Float8E5M2 => None,
    }
}

fn remedy(field: Option<Field>) -> &'static str {
    match field {
        Some(Field::Bool) => "use bool_contents",
        Some(Field::Int) => "use int_contents",
        Some(Field::Int64) => "use int64_contents",
        Some(Field::Uint) => "use uint_contents",
        Some(Field::Uint64) => "use uint64_contents",
        Some(Field::Fp32) => "use fp32_contents",
        Some(Field::Fp64) => "use fp64_contents",
        Some(Field::Bytes) => "use bytes_contents",
        None => "use raw_input_contents",
    }
}

/// The bytes of typed contents.
pub(super) fn raw(
    name: &str,
    datatype: Datatype,
    contents: &InferTensorContents,
) -> Result<Bytes, InvalidRequest> {
    let field = field(datatype);
    let filled = [
        (Field::Bool, contents.bool_contents.is_empty()),
        (Field::Int, contents.int_contents.is_empty()),
        (Field::Int64, contents.int64_contents.is_empty()),
        (Field::Uint, contents.uint_contents.is_empty()),
        (Field::Uint64, contents.uint64_contents.is_empty()),
        (Field::Fp32, contents.fp32_contents.is_empty()),
        (Field::Fp64, contents.fp64_contents.is_empty()),
        (Field::Bytes, contents.bytes_contents.is_empty()),
    ];
    if filled
        .iter()
        .any(|(other, empty)| !empty && Some(*other) != field)
    {
        return Err(InvalidRequest::ContentsField {
            name: name.into(),
            datatype,
            remedy: remedy(field),
        });
    }
    let beyond = |value: i64| InvalidRequest::Element {
        name: name.into(),
        datatype,
        value,
    };
    let Datatype::Element(element) = datatype else {
        return Ok(prefixed(&contents.bytes_contents));
    };
    match element {
        ElementType::Bool => Ok(contents
            .bool_contents
            .iter()
            .map(|value| u8::from(*value))
            .collect()),
        ElementType::Int8 => narrow(&contents.int_contents, i8::to_le_bytes, beyond),
        ElementType::Int16 => narrow(&contents.int_contents, i16::to_le_bytes, beyond),
        ElementType::Int32 => Ok(wide(&contents.int_contents, i32::to_le_bytes)),
        ElementType::Int64 => Ok(wide(&contents.int64_contents, i64::to_le_bytes)),
        ElementType::Uint8 => narrow(&contents.uint_contents, u8::to_le_bytes, beyond),
        ElementType::Uint16 => narrow(&contents.uint_contents, u16::to_le_bytes, beyond),
        ElementType::Uint32 => Ok(wide(&contents.uint_contents, u32::to_le_bytes)),
        ElementType::Uint64 => Ok(wide(&contents.uint64_contents, u64::to_le_bytes)),
        ElementType::Float32 => Ok(wide(&contents.fp32_contents, f32::to_le_bytes)),
        ElementType::Float64 => Ok(wide(&contents.fp64_contents, f64::to_le_bytes)),
        ElementType::Float16
        | ElementType::BFloat16
        | ElementType::Float8E4M3
        | ElementType::Float8E5M2 => Ok(Bytes::new()),
    }
}

fn wide<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N]) -> Bytes {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

/// Elements that stand in a wider field than they are.
fn narrow<T, U, const N: usize>(
    values: &[T],
    bytes: fn(U) -> [u8; N],
    beyond: impl Fn(i64) -> InvalidRequest,
) -> Result<Bytes, InvalidRequest>
where
    T: Copy + TryInto<U> + Into<i64>,
{
    let mut data = Vec::with_capacity(values.len() * N);
    for value in values {
        let narrow = (*value).try_into().map_err(|_| beyond((*value).into()))?;
        data.extend(bytes(narrow));
    }
    Ok(data.into())
}

fn prefixed(elements: &[Bytes]) -> Bytes {
    let bytes = elements.iter().map(|element| element.len() + 4).sum();
    let mut data = Vec::with_capacity(bytes);
    for element in elements {
        // A message is shorter than 4 GiB, and so is what lies in it.
        data.extend((element.len() as u32).to_le_bytes());
        data.extend_from_slice(element);
    }
    data.into()
}

#[cfg(test)]
mod tests;
