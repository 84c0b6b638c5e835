//! Arrow IPC streams of one array of bytes, as this project writes them and as Arrow's own writer does.

use arrow::{
    array::{ArrayRef, UInt8Array},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    ipc::writer::StreamWriter,
    record_batch::RecordBatch,
};
use zenoh_pinned_node::{dora::EncodeError, internals::ArrowStream};

/// A frame of some bytes, as an array and as a batch of one column.
pub struct ArrowFrame {
    array: ArrayRef,
    batch: RecordBatch,
}

impl ArrowFrame {
    /// A frame of `bytes` zeroes.
    ///
    /// # Errors
    /// Arrow refuses the batch.
    pub fn zeroed(bytes: usize) -> Result<Self, ArrowError> {
        let array: ArrayRef = std::sync::Arc::new(UInt8Array::from(vec![0; bytes]));
        let schema = Schema::new(vec![Field::new("data", DataType::UInt8, true)]);
        let batch = RecordBatch::try_new(schema.into(), vec![array.clone()])?;
        Ok(Self { array, batch })
    }

    /// Bytes of the frame's stream as [`ArrowFrame::write_in_place`] and [`ArrowFrame::write`] make it.
    ///
    /// # Errors
    /// As theirs.
    pub fn stream_bytes(&self) -> Result<usize, EncodeError> {
        Ok(ArrowStream::of(&self.array)?.bytes())
    }

    /// Writes everything but the elements, which somebody writes in place; tells where they begin.
    ///
    /// # Errors
    /// The sizes overflow.
    pub fn write_in_place(&self, destination: &mut [u8]) -> Result<usize, EncodeError> {
        let stream = ArrowStream::in_place(&DataType::UInt8, self.array.len())?;
        stream.write_to(destination);
        Ok(stream.data_offset())
    }

    /// Writes the whole stream, with one copy of the elements.
    ///
    /// # Errors
    /// The array cannot be written.
    pub fn write(&self, destination: &mut [u8]) -> Result<(), EncodeError> {
        ArrowStream::of(&self.array)?.write_to(destination);
        Ok(())
    }

    /// The same with Arrow's own writer, behind what `destination` has.
    ///
    /// # Errors
    /// The array cannot be written.
    pub fn write_by_arrow(&self, destination: &mut Vec<u8>) -> Result<(), ArrowError> {
        let mut writer = StreamWriter::try_new(destination, &self.batch.schema())?;
        writer.write(&self.batch)?;
        writer.finish()
    }
}
