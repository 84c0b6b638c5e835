//! A `TensorProto` that can become a tensor of its own: what it says, and where its data is.

use std::ops::Range;

use super::wire::{Field, Message, Reader};
use crate::formats::fault::{MessageFault, NameFault, TensorFault};
use crate::formats::{FormatError, checks};
use zenoh_pinned_node::tensor::ElementType;

const DIMS: u32 = 1;
const DATA_TYPE: u32 = 2;
pub(super) const NAME: u32 = 8;
const RAW_DATA: u32 = 9;
pub(super) const EXTERNAL_DATA: u32 = 13;
pub(super) const DATA_LOCATION: u32 = 14;
/// `segment`, and the fields of typed data.
const OTHER_DATA: [u32; 7] = [3, 4, 5, 6, 7, 10, 11];
/// Entries of `external_data`. ONNX knows five.
const ENTRIES: usize = 16;

/// The element that ONNX gives this number, where it is one of whole bytes that is known.
pub fn of_onnx(data_type: i32) -> Option<ElementType> {
    Some(match data_type {
        1 => ElementType::Float32,
        2 => ElementType::Uint8,
        3 => ElementType::Int8,
        4 => ElementType::Uint16,
        5 => ElementType::Int16,
        6 => ElementType::Int32,
        7 => ElementType::Int64,
        9 => ElementType::Bool,
        10 => ElementType::Float16,
        11 => ElementType::Float64,
        12 => ElementType::Uint32,
        13 => ElementType::Uint64,
        16 => ElementType::BFloat16,
        17 => ElementType::Float8E4M3,
        19 => ElementType::Float8E5M2,
        _ => return None,
    })
}

/// What an initializer says.
#[derive(Debug)]
pub(super) struct Initializer {
    pub(super) name: String,
    dims: Vec<i64>,
    data_type: i32,
    /// Where its raw data is in the file.
    pub(super) raw: Option<Range<u64>>,
    /// Whether it has typed data, or is part of a tensor.
    pub(super) other_data: bool,
    /// Whether its data is in another file.
    pub(super) is_external: bool,
    /// The entries that say where.
    pub(super) external_data: Vec<Range<u64>>,
    /// What it keeps, beside its name, when its data is taken out.
    pub(super) kept: Vec<Range<u64>>,
}

impl Initializer {
    /// `named` is where its name is, if that is not in the message; `number` counts the tensors, for errors before the
    /// name is known.
    pub(super) fn read(
        mut message: Message,
        named: Option<Range<u64>>,
        number: usize,
        reader: &mut Reader<'_>,
    ) -> Result<Self, FormatError> {
        let (mut name, mut data_type, mut raw, mut location) = (None, None, None, None);
        let (mut dims, mut external_data) = (Vec::new(), Vec::new());
        let mut kept: Vec<Range<u64>> = Vec::new();
        let mut other_data = false;
        while let Some(field) = message.next(reader)? {
            match field.number {
                DIMS => dimensions(&field, &mut dims, reader)?,
                DATA_TYPE => field.once(&mut data_type, field.as_number(reader)?, reader)?,
                NAME => field.once(&mut name, field.bytes(reader)?, reader)?,
                RAW_DATA => field.once(&mut raw, field.bytes(reader)?, reader)?,
                DATA_LOCATION => field.once(&mut location, field.as_number(reader)?, reader)?,
                EXTERNAL_DATA if external_data.len() == ENTRIES => {
                    let fault = MessageFault::TooOften(EXTERNAL_DATA);
                    return Err(reader.fault(field.whole.start, fault));
                }
                EXTERNAL_DATA => external_data.push(field.bytes(reader)?),
                number => other_data |= OTHER_DATA.contains(&number),
            }
            if matches!(
                field.number,
                NAME | RAW_DATA | EXTERNAL_DATA | DATA_LOCATION
            ) {
                continue;
            }
            match kept.last_mut() {
                Some(last) if last.end == field.whole.start => last.end = field.whole.end,
                _ => kept.push(field.whole),
            }
        }
        Ok(Self {
            name: self::name(named.or(name), number, reader)?,
            dims,
            // An enumeration is a number of 32 bits; protocol buffers cut what is longer, too.
            data_type: data_type.unwrap_or(0) as i32,
            raw,
            other_data,
            is_external: location.is_some_and(|location| location != 0),
            external_data,
            kept,
        })
    }

    pub(super) fn element(&self) -> Result<ElementType, TensorFault> {
        of_onnx(self.data_type).ok_or_else(|| TensorFault::Element {
            dtype: self.data_type.to_string(),
        })
    }

    pub(super) fn shape(&self) -> Result<Vec<u64>, TensorFault> {
        let dimension = |dim: &i64| u64::try_from(*dim).map_err(|_| TensorFault::Negative(*dim));
        self.dims.iter().map(dimension).collect()
    }
}

/// `dims` of either spelling: one number a field, or all of them in one.
fn dimensions(
    field: &Field,
    dims: &mut Vec<i64>,
    reader: &mut Reader<'_>,
) -> Result<(), FormatError> {
    let at = field.whole.start;
    let mut push = |dimension: u64, reader: &Reader<'_>| {
        if dims.len() == reader.limits.rank {
            return Err(reader.fault(at, MessageFault::Rank(reader.limits.rank)));
        }
        dims.push(dimension as i64);
        Ok(())
    };
    if let Some(dimension) = field.if_number() {
        return push(dimension, reader);
    }
    let mut packed = field.message(reader)?;
    while !packed.is_empty() {
        let dimension = packed.number(reader)?;
        push(dimension, reader)?;
    }
    Ok(())
}

fn name(
    range: Option<Range<u64>>,
    number: usize,
    reader: &mut Reader<'_>,
) -> Result<String, FormatError> {
    let file = reader.path();
    let refused = |fault| FormatError::Name {
        file: file.into(),
        number,
        fault,
    };
    let Some(range) = range else {
        return Err(refused(NameFault::Empty));
    };
    let (bytes, limit) = (range.end - range.start, reader.limits.name_bytes);
    if bytes > limit as u64 {
        return Err(refused(NameFault::TooLong { bytes, limit }));
    }
    let mut name = Vec::new();
    reader.append(range, &mut name)?;
    let name = String::from_utf8(name).map_err(|_| refused(NameFault::NotText))?;
    checks::name(&name, reader.limits).map_err(refused)?;
    Ok(name)
}
