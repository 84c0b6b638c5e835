//! Protocol buffers as they lie in a file: the fields of a message, one after the other.
//!
//! A small window of the file is in memory and no more; a field's bytes are told as a range. Every length is checked
//! against the message around it, so a range is never outside the file. Lengths of 64 bits are taken, though
//! protocol buffers themselves stop at 2 GiB: what lies beyond is a tensor that is taken out.

use std::ops::Range;
use std::path::Path;

use crate::formats::fault::{GraphFault, MessageFault};
use crate::formats::file::ReadAt;
use crate::formats::{Counted, FormatError, Limits};

/// Bytes of the file that are in memory. Small, as every large tensor that is passed over costs one filling.
const WINDOW: usize = 16 << 10;
/// Bytes of the longest number of 64 bits.
const NUMBER_BYTES: usize = 10;

/// The file, through a window.
pub(super) struct Reader<'a> {
    source: &'a dyn ReadAt,
    pub(super) limits: &'a Limits,
    window: Vec<u8>,
    at: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, limits: &'a Limits) -> Self {
        Self {
            source,
            limits,
            window: Vec::new(),
            at: 0,
        }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.source.path()
    }

    /// The whole file as one message.
    pub(super) fn whole(&self) -> Message {
        Message::new(0..self.source.bytes())
    }

    pub(super) fn fault(&self, at: u64, fault: MessageFault) -> FormatError {
        FormatError::Message {
            file: self.path().into(),
            at,
            fault,
        }
    }

    pub(super) fn refuse(&self, fault: GraphFault) -> FormatError {
        FormatError::Graph {
            file: self.path().into(),
            fault,
        }
    }

    pub(super) fn too_many(&self, of: Counted) -> FormatError {
        FormatError::TooMany {
            file: self.path().into(),
            of,
            limit: self.limits.tensors,
        }
    }

    /// Appends the bytes of `range`. The caller has bounded them.
    pub(super) fn append(
        &mut self,
        range: Range<u64>,
        to: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        if let Some(held) = self.held(range.clone()) {
            to.extend_from_slice(held);
            return Ok(());
        }
        let begin = to.len();
        let bytes = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        to.resize(begin.saturating_add(bytes), 0);
        match to.get_mut(begin..) {
            Some(into) => read(self.source, range.start, into),
            None => Ok(()),
        }
    }

    /// A name or a key: text of [`Limits::name_bytes`] at most.
    pub(super) fn text(&mut self, range: Range<u64>) -> Result<String, FormatError> {
        let (at, bytes, limit) = (range.start, range.end - range.start, self.limits.name_bytes);
        if bytes > limit as u64 {
            return Err(self.fault(at, MessageFault::Name { bytes, limit }));
        }
        let mut text = Vec::new();
        self.append(range, &mut text)?;
        String::from_utf8(text).map_err(|_| self.fault(at, MessageFault::Text))
    }

    fn held(&self, range: Range<u64>) -> Option<&[u8]> {
        let begin = usize::try_from(range.start.checked_sub(self.at)?).ok()?;
        let bytes = usize::try_from(range.end - range.start).ok()?;
        self.window.get(begin..begin.checked_add(bytes)?)
    }

    /// The bytes from `range` on that a number can have.
    fn front(&mut self, range: &Range<u64>) -> Result<&[u8], FormatError> {
        let front = range.start
            ..range
                .end
                .min(range.start.saturating_add(NUMBER_BYTES as u64));
        if self.held(front.clone()).is_none() {
            let left = self.source.bytes().saturating_sub(range.start);
            let bytes = usize::try_from(left).unwrap_or(WINDOW).min(WINDOW);
            self.window.resize(bytes, 0);
            self.at = range.start;
            if let Err(error) = read(self.source, self.at, &mut self.window) {
                self.window.clear();
                return Err(error);
            }
        }
        Ok(self.held(front).unwrap_or_default())
    }
}

fn read(source: &dyn ReadAt, offset: u64, into: &mut [u8]) -> Result<(), FormatError> {
    source
        .read_at(offset, into)
        .map_err(|error| FormatError::Read {
            file: source.path().into(),
            source: error,
        })
}

/// What is left of a message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    left: Range<u64>,
}

/// A field of a message.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// All of it: number, length and value.
    pub(super) whole: Range<u64>,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Number(u64),
    Fixed,
    Bytes(Range<u64>),
}

impl Message {
    pub(super) fn new(bytes: Range<u64>) -> Self {
        Self { left: bytes }
    }

    /// The next field; `None` at the end.
    pub(super) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<Field>, FormatError> {
        let begin = self.left.start;
        if self.left.is_empty() {
            return Ok(None);
        }
        let key = self.number(reader)?;
        let number = match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => number,
            _ => return Err(reader.fault(begin, MessageFault::FieldNumber)),
        };
        let value = match (key & 7) as u8 {
            0 => Value::Number(self.number(reader)?),
            1 => self.fixed(8, reader)?,
            2 => {
                let bytes = self.number(reader)?;
                Value::Bytes(self.take(bytes, reader)?)
            }
            5 => self.fixed(4, reader)?,
            other => return Err(reader.fault(begin, MessageFault::WireType(other))),
        };
        Ok(Some(Field {
            number,
            whole: begin..self.left.start,
            value,
        }))
    }

    /// A number of variable length.
    pub(super) fn number(&mut self, reader: &mut Reader<'_>) -> Result<u64, FormatError> {
        let mut number = 0;
        for (place, byte) in reader.front(&self.left)?.iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            if place == NUMBER_BYTES - 1 && *byte > 1 {
                return Err(reader.fault(self.left.start, MessageFault::Number));
            }
            number |= bits << (7 * place);
            if byte & 0x80 == 0 {
                self.left.start += place as u64 + 1;
                return Ok(number);
            }
        }
        Err(reader.fault(self.left.start, MessageFault::Cut))
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn fixed(&mut self, bytes: u64, reader: &Reader<'_>) -> Result<Value, FormatError> {
        self.take(bytes, reader).map(|_| Value::Fixed)
    }

    fn take(&mut self, bytes: u64, reader: &Reader<'_>) -> Result<Range<u64>, FormatError> {
        let left = self.left.end - self.left.start;
        if bytes > left {
            return Err(reader.fault(self.left.start, MessageFault::Length { bytes, left }));
        }
        let begin = self.left.start;
        self.left.start += bytes;
        Ok(begin..self.left.start)
    }
}

impl Field {
    /// Where its bytes are, if it has any.
    pub(super) fn if_bytes(&self) -> Option<Range<u64>> {
        match &self.value {
            Value::Bytes(range) => Some(range.clone()),
            _ => None,
        }
    }

    /// Where its bytes are: text, raw data or a message, as ONNX has it.
    pub(super) fn bytes(&self, reader: &Reader<'_>) -> Result<Range<u64>, FormatError> {
        self.if_bytes().ok_or_else(|| self.of_other_type(reader))
    }

    /// The message in it.
    pub(super) fn message(&self, reader: &Reader<'_>) -> Result<Message, FormatError> {
        self.bytes(reader).map(Message::new)
    }

    /// Its number, if it is one.
    pub(super) fn if_number(&self) -> Option<u64> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Its number, as ONNX has it.
    pub(super) fn as_number(&self, reader: &Reader<'_>) -> Result<u64, FormatError> {
        self.if_number().ok_or_else(|| self.of_other_type(reader))
    }

    /// Puts what was read of a field that may be there once into its place.
    pub(super) fn once<T>(
        &self,
        place: &mut Option<T>,
        value: T,
        reader: &Reader<'_>,
    ) -> Result<(), FormatError> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(reader.fault(self.whole.start, MessageFault::TooOften(self.number))),
        }
    }

    fn of_other_type(&self, reader: &Reader<'_>) -> FormatError {
        reader.fault(self.whole.start, MessageFault::OtherType(self.number))
    }
}
