//! Small messages without their schema, as dora's own outputs send them: decoding the schema is most of their cost.
//!
//! A consumer keeps the schemas of the whole streams that it has received on an input. So a message may be a record
//! batch alone, which names its schema by a hash. Messages of one publisher arrive in order and completely, so whoever
//! has received the last whole stream can read what follows it.
//!
//! Knowingly weak: a consumer that joins receives nothing until the next whole stream, `WHOLE_EVERY` later at most.
//!
//! Specified by dora-node-api 1.1 (`InputDecoder`, `schema_block_and_hash`, `batch_slice`).

use std::time::{Duration, Instant};

use dora_message::metadata::{MetadataParameters, carries_pattern_correlation};
use dora_node_api::arrow_utils::ipc_encode::{batch_slice, schema_block_and_hash};

/// The longest time for which the schema is left out.
const WHOLE_EVERY: Duration = Duration::from_millis(100);

/// From this size on streams are whole: the schema is a small part of them.
const MOST_BYTES: usize = 4096;

/// The schema that the consumers of an output have received last.
#[derive(Debug, Default)]
pub(crate) struct SchemaOnce(Option<(u64, Instant)>);

/// A record batch without its schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) schema_hash: u64,
}

impl SchemaOnce {
    /// The record batch to send in place of a stream; `None` where the whole stream has to be sent.
    pub(crate) fn batch_of<'a>(
        &mut self,
        stream: &'a [u8],
        parameters: &MetadataParameters,
        now: Instant,
    ) -> Option<Batch<'a>> {
        // Services and actions have a schema for each request, and dora's consumers keep none of them.
        if stream.len() >= MOST_BYTES || carries_pattern_correlation(parameters) {
            return None;
        }
        let (schema_hash, _) = schema_block_and_hash(stream)?;
        if let Some((last, at)) = self.0
            && last == schema_hash
            && now.duration_since(at) < WHOLE_EVERY
        {
            let bytes = batch_slice(stream)?;
            return Some(Batch { bytes, schema_hash });
        }
        self.0 = Some((schema_hash, now));
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float32Array, UInt8Array};
    use dora_message::metadata::{Parameter, REQUEST_ID};
    use dora_node_api::arrow_utils::{IpcPayload, ipc_encode::InputDecoder};

    use super::*;
    use crate::arrow_stream::ArrowStream;

    fn stream(array: ArrayRef) -> Vec<u8> {
        let stream = ArrowStream::of(&array).unwrap();
        let mut bytes = vec![0; stream.bytes()];
        stream.write_to(&mut bytes);
        bytes
    }

    #[test]
    fn the_schema_is_left_out_between_whole_streams_that_have_it() {
        let bytes = stream(Arc::new(UInt8Array::from(vec![1, 2, 3])));
        let other = stream(Arc::new(Float32Array::from(vec![1.0])));
        let parameters = MetadataParameters::new();
        let start = Instant::now();
        let mut once = SchemaOnce::default();
        let mut is_whole = |stream: &[u8], milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            once.batch_of(stream, &parameters, now).is_none()
        };
        assert!(is_whole(&bytes, 0), "the first one");
        assert!(!is_whole(&bytes, 1) && !is_whole(&bytes, 99));
        assert!(is_whole(&bytes, 100), "whoever has joined needs it");
        assert!(
            is_whole(&other, 101) && !is_whole(&other, 102),
            "another type"
        );
        assert!(is_whole(&bytes, 103));
        assert!(is_whole(&vec![0; 5000], 104), "a large one");
        assert!(is_whole(b"no stream", 104));
        assert!(!is_whole(&bytes, 105));
    }

    #[test]
    fn requests_and_answers_are_whole() {
        let bytes = stream(Arc::new(UInt8Array::from(vec![1, 2, 3])));
        let id = (REQUEST_ID.to_owned(), Parameter::String(String::from("1")));
        let parameters = MetadataParameters::from([id]);
        let mut once = SchemaOnce::default();
        for _ in 0..3 {
            assert!(once.batch_of(&bytes, &parameters, Instant::now()).is_none());
        }
    }

    #[test]
    fn a_consumer_of_dora_reads_the_batch_by_the_schema_of_the_whole_stream() {
        let bytes = stream(Arc::new(UInt8Array::from(vec![1, 2, 3])));
        let (parameters, now) = (MetadataParameters::new(), Instant::now());
        let mut once = SchemaOnce::default();
        assert!(once.batch_of(&bytes, &parameters, now).is_none());
        let batch = once.batch_of(&bytes, &parameters, now).unwrap();
        let mut decoder = InputDecoder::new();
        let (hash, schema) = schema_block_and_hash(&bytes).unwrap();
        assert_eq!(hash, batch.schema_hash);
        decoder
            .set_schema(hash, IpcPayload::from_vec(schema.to_vec()))
            .unwrap();
        for _ in 0..3 {
            let payload = IpcPayload::from_vec(batch.bytes.to_vec());
            let array = decoder.decode_batch(payload, hash).unwrap().unwrap();
            let expected: ArrayRef = Arc::new(UInt8Array::from(vec![1, 2, 3]));
            assert_eq!(array.as_array(), &expected);
        }
    }
}
