//! The lean form of an Arrow IPC stream: one message of one array, its large buffers page-aligned.
//!
//! Holds: what an array is made of (`layout`) and the two message headers in front of its body (`head`).
//! dora's receivers decode it like their own streams, without a copy.
//!
//! ```text
//! byte 0                                  4096 · k                                            end - 8
//! | schema message | record batch header, padded | buffer | buffer, at a page if it fills one | end |
//! ```
//!
//! Invariants:
//! - The body begins at a whole page where a buffer of at least a page is in it, and each such buffer at a
//!   whole page of its own: in a page-aligned slot its address is page-aligned. Smaller ones are at
//!   multiples of 64 bytes.
//! - An array without nulls has no validity bitmap (length zero, as the format allows).
//! - Nothing follows the eight bytes of the end-of-stream marker; dora's decoder takes more for garbage.
//!
//! Specified by the Arrow columnar format, "IPC streaming format", metadata version 5.

mod head;
mod layout;

use arrow::{
    array::{Array, ArrayRef},
    buffer::Buffer,
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    ipc::writer::StreamWriter,
    record_batch::RecordBatch,
};

use layout::Layout;

/// Buffers of at least so many bytes begin at a multiple of it.
pub(crate) const PAGE_BYTES: usize = 4096;

/// The name that dora gives the one column of its streams.
const FIELD_NAME: &str = "data";

/// The marker that ends a stream: a message of length zero.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Why an array has no stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The array's sizes overflow, or it is not what it claims to be.
    #[error("the array's sizes do not fit together or overflow: {what}")]
    Sizes {
        /// What does not fit.
        what: &'static str,
    },
    /// Arrow's own writer, which takes the types that have no lean form, refused the array.
    #[error("the array cannot be written as an Arrow IPC stream: {0}")]
    Writer(#[from] ArrowError),
}

/// A stream that is sized and has its headers; the array's buffers are copied when it is written.
pub struct ArrowStream {
    head: Vec<u8>,
    layout: Layout,
}

impl ArrowStream {
    /// The stream of any array.
    pub fn of(array: &ArrayRef) -> Result<Self, EncodeError> {
        match Layout::of(array)? {
            Some(layout) => Self::with_layout(array.data_type(), array.len(), layout),
            None => Ok(Self {
                head: written_by_arrow(array)?,
                layout: Layout::default(),
            }),
        }
    }

    /// The stream of `count` elements of a fixed-width type whose bytes are written later, in place.
    pub fn in_place(data_type: &DataType, count: usize) -> Result<Self, EncodeError> {
        let layout = Layout::in_place(data_type, count)?;
        Self::with_layout(data_type, count, layout)
    }

    fn with_layout(data_type: &DataType, rows: usize, layout: Layout) -> Result<Self, EncodeError> {
        let head = head::head(data_type, rows, &layout)?;
        Ok(Self { head, layout })
    }

    /// Length of the whole stream in bytes.
    pub fn bytes(&self) -> usize {
        match self.layout.is_empty() {
            true => self.head.len(),
            false => self.head.len() + self.layout.body_bytes() + END.len(),
        }
    }

    /// Where the first byte of the last buffer is: the elements, for a stream made in place.
    pub fn data_offset(&self) -> usize {
        self.head.len() + self.layout.last_offset()
    }

    /// Writes the stream around what is filled in place.
    ///
    /// `destination` has [`ArrowStream::bytes`] bytes; a shorter one is left with part of the stream.
    pub fn write_to(&self, destination: &mut [u8]) {
        let Some((head, rest)) = destination.split_at_mut_checked(self.head.len()) else {
            return;
        };
        head.copy_from_slice(&self.head);
        if self.layout.is_empty() {
            return;
        }
        let Some((body, end)) = rest.split_at_mut_checked(self.layout.body_bytes()) else {
            return;
        };
        self.layout.write_to(body);
        if end.len() == END.len() {
            end.copy_from_slice(&END);
        }
    }
}

/// The stream as Arrow's own writer makes it: for dictionaries, unions, views and the like.
fn written_by_arrow(array: &ArrayRef) -> Result<Vec<u8>, EncodeError> {
    let schema = schema_of(array.data_type());
    let batch = RecordBatch::try_new(schema.into(), vec![array.clone()])?;
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    Ok(stream)
}

fn schema_of(data_type: &DataType) -> Schema {
    Schema::new(vec![Field::new(FIELD_NAME, data_type.clone(), true)])
}

/// The elements of an array as one run of bytes; `None` where they are not one. Numbers, bytes and lists of them are,
/// without nulls.
pub fn values_of(array: &ArrayRef) -> Option<Buffer> {
    if !is_one_run(array.data_type()) {
        return None;
    }
    let layout = Layout::of(array).ok().flatten()?;
    layout.values_without_nulls()
}

fn is_one_run(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => true,
        DataType::FixedSizeBinary(_) => true,
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _) => is_one_run(element.data_type()),
        primitive => primitive.is_primitive(),
    }
}

/// Bytes of a buffer's share of a body.
fn as_bytes(buffer: &Buffer) -> &[u8] {
    buffer.as_slice()
}

#[cfg(test)]
mod tests;
