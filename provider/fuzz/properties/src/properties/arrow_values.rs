//! Offsets that change in shared memory after an array was decoded give an error, never bytes of elsewhere.
//!
//! Input: what array (1 byte), what the offsets have become (4 bytes each), 4 of them.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, UInt8Array, make_array},
    buffer::Buffer,
    datatypes::{ArrowNativeType, DataType, Field},
};
use zenoh_pinned_node::internals::{ArrowStream, values_of};

use crate::{Seed, Target, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "arrow_values",
    check,
    seeds,
};

/// Elements of the array, in three lists.
const ELEMENTS: usize = 16;

/// An array as it is after its offsets have changed: nobody checks them again.
fn changed<O: ArrowNativeType>(
    data_type: DataType,
    offsets: [O; 4],
    elements: &UInt8Array,
) -> ArrayRef {
    let builder = Array::to_data(&elements.slice(0, 0)).into_builder();
    let builder = builder.data_type(data_type.clone()).len(3);
    let offsets = Buffer::from_vec(offsets.to_vec());
    let builder = match data_type {
        DataType::Binary => builder.buffers(vec![offsets, elements.values().inner().clone()]),
        _ => builder
            .buffers(vec![offsets])
            .add_child_data(elements.to_data()),
    };
    // SAFETY: the buffers are of the right number, alignment and length. That the offsets lie inside the
    // elements is what is not true here, and what no code under test may rely on.
    make_array(unsafe { builder.build_unchecked() })
}

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let kind = reader.u8();
    let hostile = [reader.i32(), reader.i32(), reader.i32(), reader.i32()];
    let elements = UInt8Array::from_iter_values(0..ELEMENTS as u8);
    let memory = elements.values().inner().clone();
    let item = || Arc::new(Field::new("item", DataType::UInt8, false));
    let array = match kind % 3 {
        0 => changed(DataType::List(item()), hostile, &elements),
        1 => changed(
            DataType::LargeList(item()),
            hostile.map(i64::from),
            &elements,
        ),
        _ => changed(DataType::Binary, hostile, &elements),
    };
    let arrays = [array.clone(), array.slice(1, 2), array.slice(3, 0)];
    for array in &arrays {
        if let Some(values) = values_of(array) {
            let start = values.as_ptr() as usize - memory.as_ptr() as usize;
            assert!(start <= ELEMENTS && values.len() <= ELEMENTS - start);
        }
        if let Ok(stream) = ArrowStream::of(array) {
            stream.write_to(&mut vec![0xa5; stream.bytes()]);
        }
    }
}

fn seeds() -> Vec<Seed> {
    let cases: [(&str, [i32; 4]); 8] = [
        ("unchanged", [0, 4, 8, 16]),
        ("beyond", [0, 4, 8, 17]),
        ("far-beyond", [0, 4, 8, i32::MAX]),
        ("negative", [-1, 4, 8, 16]),
        ("negative-end", [0, 4, 8, -1]),
        ("descending", [16, 8, 4, 0]),
        ("overflowing", [i32::MAX, 4, i32::MIN, i32::MAX]),
        ("inner", [4, 0, 100, 8]),
    ];
    let mut seeds = Vec::new();
    for (name, offsets) in cases {
        for (kind, number) in [("list", 0), ("large-list", 1), ("binary", 2)] {
            let mut input = vec![number];
            for offset in offsets {
                input.extend_from_slice(&offset.to_le_bytes());
            }
            seeds.push((format!("{kind}-{name}"), input));
        }
    }
    seeds
}
