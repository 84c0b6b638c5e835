//! What is written as a stream is read by Arrow's reader as it was.
//!
//! Input: kind of array (1 byte), offset and length of the slice (1 byte each), bytes for its elements.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, FixedSizeListArray, LargeStringArray, ListArray,
        StringArray, StructArray, UInt8Array, UInt32Array,
    },
    datatypes::{Field, UInt8Type},
    ipc::reader::StreamReader,
};
use zenoh_pinned_node::internals::{ArrowStream, values_of};

use crate::{Seed, Target, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "arrow_round_trip",
    check,
    seeds,
};

const KINDS: u8 = 8;

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let (kind, offset, length) = (reader.u8(), reader.u8(), reader.u8());
    let array = array(kind, reader.rest());
    let offset = usize::from(offset) % (array.len() + 1);
    let length = usize::from(length) % (array.len() - offset + 1);
    let array = array.slice(offset, length);
    let stream = ArrowStream::of(&array);
    assert!(stream.is_ok(), "{:?}", array.data_type());
    let Ok(stream) = stream else { return };
    // What an earlier message left behind must not show.
    let mut bytes = vec![0xa5; stream.bytes()];
    stream.write_to(&mut bytes);
    let mut read = StreamReader::try_new(&bytes[..], None)
        .into_iter()
        .flatten();
    let batch = read.next().and_then(Result::ok);
    assert!(batch.is_some_and(|batch| batch.column(0).to_data() == array.to_data()));
    assert!(read.next().is_none());
    if let Some(values) = values_of(&array) {
        assert!(values.len() <= bytes.len());
    }
}

fn array(kind: u8, bytes: &[u8]) -> ArrayRef {
    let items = || bytes.iter().map(|byte| (byte % 5 > 0).then_some(*byte));
    let words = || {
        bytes.chunks(3).map(|word| {
            word.first()
                .map(|_| String::from_utf8_lossy(word).into_owned())
        })
    };
    let lists = || {
        bytes
            .chunks(4)
            .map(|list| (list[0] % 3 > 0).then(|| list.iter().map(|byte| Some(*byte))))
    };
    match kind % KINDS {
        0 => Arc::new(UInt8Array::from(bytes.to_vec())),
        1 => Arc::new(UInt8Array::from_iter(items())),
        2 => Arc::new(UInt32Array::from_iter(
            items().map(|item| item.map(u32::from)),
        )),
        3 => Arc::new(BooleanArray::from_iter(
            items().map(|item| item.map(|byte| byte > 99)),
        )),
        4 => Arc::new(StringArray::from_iter(words())),
        5 => Arc::new(LargeStringArray::from_iter(words())),
        6 => Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(lists())),
        _ => {
            let pairs = bytes
                .chunks_exact(2)
                .map(|pair| Some([Some(pair[0]), Some(pair[1])]));
            let pairs = FixedSizeListArray::from_iter_primitive::<UInt8Type, _, _>(pairs, 2);
            let field = Arc::new(Field::new("pairs", pairs.data_type().clone(), true));
            Arc::new(StructArray::from(vec![(
                field,
                Arc::new(pairs) as ArrayRef,
            )]))
        }
    }
}

fn seeds() -> Vec<Seed> {
    let names = [
        "bytes",
        "bytes-and-nulls",
        "numbers",
        "flags",
        "words",
        "large-words",
        "lists",
        "pairs",
    ];
    let mut seeds = Vec::new();
    for (kind, name) in names.into_iter().enumerate() {
        let elements: Vec<u8> = (0..40).collect();
        let whole = [&[kind as u8, 0, 255][..], &elements].concat();
        let slice = [&[kind as u8, 3, 4][..], &elements].concat();
        seeds.push((name.to_owned(), whole));
        seeds.push((format!("{name}-slice"), slice));
        seeds.push((format!("{name}-none"), vec![kind as u8, 0, 0]));
    }
    seeds
}
