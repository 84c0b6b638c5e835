//! Where an initializer's data is that is in another file, by its `external_data`.

use super::tensor::Initializer;
use super::wire::{Message, Reader};
use crate::formats::fault::TensorFault;
use crate::formats::{FormatError, checks};

const KEY: u32 = 1;
const VALUE: u32 = 2;

/// What `external_data` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) location: String,
    pub(super) offset: u64,
    /// `None`: as many bytes as the shape has.
    pub(super) bytes: Option<u64>,
}

/// Reads the entries. What ONNX may add beside location, offset and length is passed over.
pub(super) fn place(tensor: &Initializer, reader: &mut Reader<'_>) -> Result<Place, FormatError> {
    let (mut location, mut offset, mut length) = (None, None, None);
    for entry in &tensor.external_data {
        let (mut key, mut value) = (None, None);
        let mut entry = Message::new(entry.clone());
        while let Some(field) = entry.next(reader)? {
            match field.number {
                KEY => field.once(&mut key, field.bytes(reader)?, reader)?,
                VALUE => field.once(&mut value, field.bytes(reader)?, reader)?,
                _ => {}
            }
        }
        let key = reader.text(key.unwrap_or(0..0))?;
        let place = match &*key {
            "location" => &mut location,
            "offset" => &mut offset,
            "length" => &mut length,
            _ => continue,
        };
        if place.is_some() {
            let fault = TensorFault::Unexpected(key);
            return Err(checks::of_tensor(reader.path(), &tensor.name, fault));
        }
        *place = Some(reader.text(value.unwrap_or(0..0))?);
    }
    let refused = |fault| checks::of_tensor(reader.path(), &tensor.name, fault);
    Ok(Place {
        location: location.ok_or_else(|| refused(TensorFault::Missing("location")))?,
        offset: number("offset", offset).map_err(refused)?.unwrap_or(0),
        bytes: number("length", length).map_err(refused)?,
    })
}

/// A decimal number without a sign, as `u64::from_str` would take one with.
fn number(key: &'static str, value: Option<String>) -> Result<Option<u64>, TensorFault> {
    let Some(value) = value else {
        return Ok(None);
    };
    let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if is_digits => Ok(Some(number)),
        _ => Err(TensorFault::NotANumber { key, value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_digits_are_a_number() {
        let read = |value: &str| number("offset", Some(value.into()));
        assert_eq!(read("0"), Ok(Some(0)));
        assert_eq!(read("18446744073709551615"), Ok(Some(u64::MAX)));
        assert_eq!(number("offset", None), Ok(None));
        for other in [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x10",
            "1e3",
            "1.0",
            "18446744073709551616",
            "١",
        ] {
            assert!(
                matches!(read(other), Err(TensorFault::NotANumber { .. })),
                "{other}"
            );
        }
    }
}
