//! The model as it is written again: bytes kept verbatim, and messages around them whose length has changed.

use std::ops::Range;

use super::tensor::{DATA_LOCATION, EXTERNAL_DATA, NAME};
use super::wire::Reader;
use crate::formats::FormatError;
use crate::formats::fault::GraphFault;

/// What a taken-out initializer has in place of a file's name.
pub(super) const LOCATION: &str = "zenoh-pinned";
const EXTERNAL: u8 = 1;

/// A model that is being written.
#[derive(Default)]
pub(super) struct Written {
    bytes: Vec<u8>,
}

impl Written {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends bytes of the file.
    pub(super) fn keep(
        &mut self,
        range: Range<u64>,
        reader: &mut Reader<'_>,
    ) -> Result<(), FormatError> {
        self.has_room_for(range.end - range.start, reader)?;
        reader.append(range, &mut self.bytes)
    }

    /// Makes what was written from `begin` on the field `number`.
    pub(super) fn enclose(
        &mut self,
        begin: usize,
        number: u32,
        reader: &Reader<'_>,
    ) -> Result<(), FormatError> {
        let bytes = self.bytes.len().saturating_sub(begin);
        let mut head = Vec::new();
        push_head(&mut head, number, bytes);
        self.has_room_for(head.len() as u64, reader)?;
        self.bytes.extend_from_slice(&head);
        if let Some(written) = self.bytes.get_mut(begin..) {
            written.rotate_right(head.len());
        }
        Ok(())
    }

    /// Says what a tensor is called, and that its data, so many bytes, is elsewhere.
    pub(super) fn push_elsewhere(
        &mut self,
        name: &str,
        bytes: u64,
        reader: &Reader<'_>,
    ) -> Result<(), FormatError> {
        let length = bytes.to_string();
        let mut tail = Vec::new();
        push_head(&mut tail, NAME, name.len());
        tail.extend_from_slice(name.as_bytes());
        for (key, value) in [("location", LOCATION), ("offset", "0"), ("length", &length)] {
            let mut entry = Vec::new();
            for (number, text) in [(1, key), (2, value)] {
                push_head(&mut entry, number, text.len());
                entry.extend_from_slice(text.as_bytes());
            }
            push_head(&mut tail, EXTERNAL_DATA, entry.len());
            tail.append(&mut entry);
        }
        push_number(&mut tail, u64::from(DATA_LOCATION) << 3);
        tail.push(EXTERNAL);
        self.has_room_for(tail.len() as u64, reader)?;
        self.bytes.append(&mut tail);
        Ok(())
    }

    fn has_room_for(&self, bytes: u64, reader: &Reader<'_>) -> Result<(), FormatError> {
        let limit = reader.limits.graph_bytes;
        let sum = (self.bytes.len() as u64).checked_add(bytes);
        if sum.is_some_and(|sum| sum <= limit) {
            return Ok(());
        }
        Err(reader.refuse(GraphFault::TooLong { limit }))
    }
}

/// What is before the bytes of the field `number`.
fn push_head(to: &mut Vec<u8>, number: u32, bytes: usize) {
    push_number(to, u64::from(number) << 3 | 2);
    push_number(to, bytes as u64);
}

fn push_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
