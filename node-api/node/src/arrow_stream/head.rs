//! The two messages in front of the body: the schema, and the header of the record batch.

use arrow::{
    datatypes::DataType,
    ipc::{
        MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder,
        writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions},
    },
};
use flatbuffers::FlatBufferBuilder;

use super::{EncodeError, layout::Layout, schema_of};

/// Marks the beginning of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Bytes of the marker and the length in front of a message.
const PREFIX_BYTES: usize = 8;

/// What stands before the body, padded so that the body is aligned as the layout needs.
pub(super) fn head(
    data_type: &DataType,
    rows: usize,
    layout: &Layout,
) -> Result<Vec<u8>, EncodeError> {
    let mut head = Vec::new();
    let schema = schema_message(data_type)?;
    append(&mut head, &schema, PREFIX_BYTES)?;
    append(&mut head, &batch_message(rows, layout), layout.alignment())?;
    Ok(head)
}

fn schema_message(data_type: &DataType) -> Result<Vec<u8>, EncodeError> {
    let options = IpcWriteOptions::try_new(PREFIX_BYTES, false, MetadataVersion::V5)?;
    let mut dictionaries = DictionaryTracker::new(false);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
        &schema_of(data_type),
        &mut dictionaries,
        &options,
    );
    Ok(encoded.ipc_message)
}

fn batch_message(rows: usize, layout: &Layout) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let buffers = builder.create_vector(&layout.buffers);
    let nodes = builder.create_vector(&layout.nodes);
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(rows as i64);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    let batch = batch.finish();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_bodyLength(layout.body_bytes() as i64);
    message.add_header(batch.as_union_value());
    let message = message.finish();
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

/// Appends a message, padded so that what follows it begins at a multiple of `alignment`.
fn append(head: &mut Vec<u8>, message: &[u8], alignment: usize) -> Result<(), EncodeError> {
    let what = "the message's header";
    let end = (head.len() + PREFIX_BYTES + message.len()).next_multiple_of(alignment);
    let length = end - head.len() - PREFIX_BYTES;
    let length = i32::try_from(length).map_err(|_| EncodeError::Sizes { what })?;
    head.extend_from_slice(&CONTINUATION);
    head.extend_from_slice(&length.to_le_bytes());
    head.extend_from_slice(message);
    head.resize(end, 0);
    Ok(())
}
