//! Offsets that change in shared memory after an array was decoded give an error, never bytes of elsewhere.
//!
//! Input: what array (1 byte), what the offsets have become (4 bytes each), 4 of them.

use std::{ptr::NonNull, sync::Arc};

use arrow::{
    array::{ArrayRef, BinaryArray, LargeListArray, ListArray, UInt8Array},
    buffer::{Buffer, OffsetBuffer, ScalarBuffer},
    datatypes::{ArrowNativeType, DataType, Field},
};

use crate::{
    Seed, Target,
    arrow_stream::{ArrowStream, values_of},
    page::Page,
    reader::Reader,
};

pub(crate) const TARGET: Target = Target {
    name: "arrow_values",
    check,
    seeds,
};

/// Elements of the array, in three lists.
const ELEMENTS: usize = 16;
const OFFSETS: [i64; 4] = [0, 4, 8, 16];

/// Memory that a producer shares, with the offsets in it.
#[derive(Clone)]
struct Shared(Arc<std::sync::Mutex<Box<Page>>>);

impl std::panic::RefUnwindSafe for Shared {}

impl Shared {
    fn base(&self) -> NonNull<u8> {
        let mut page = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        page.base()
    }

    fn write<O: ArrowNativeType>(base: NonNull<u8>, offsets: [O; 4]) {
        // SAFETY: the page is aligned for numbers and has room for four; nobody holds a reference into it.
        unsafe { base.cast::<[O; 4]>().write(offsets) };
    }

    fn offsets<O: ArrowNativeType>(&self, base: NonNull<u8>) -> OffsetBuffer<O> {
        Self::write(base, OFFSETS.map(|offset| O::usize_as(offset as usize)));
        let owner = Arc::new(self.clone());
        // SAFETY: the page is that long and initialised, and the owner keeps it.
        let buffer =
            unsafe { Buffer::from_custom_allocation(base, 4 * std::mem::size_of::<O>(), owner) };
        OffsetBuffer::new(ScalarBuffer::new(buffer, 0, 4))
    }
}

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let kind = reader.u8();
    let hostile = [reader.i32(), reader.i32(), reader.i32(), reader.i32()];
    let shared = Shared(Arc::new(std::sync::Mutex::new(Page::beginning_with(&[]))));
    let base = shared.base();
    let elements = UInt8Array::from_iter_values(0..ELEMENTS as u8);
    let memory = elements.values().inner().clone();
    let field = Arc::new(Field::new("item", DataType::UInt8, false));
    let elements: ArrayRef = Arc::new(elements);
    let array: ArrayRef = match kind % 3 {
        0 => Arc::new(ListArray::new(field, shared.offsets(base), elements, None)),
        1 => Arc::new(LargeListArray::new(
            field,
            shared.offsets(base),
            elements,
            None,
        )),
        _ => Arc::new(BinaryArray::new(shared.offsets(base), memory.clone(), None)),
    };
    let arrays = [array.clone(), array.slice(1, 2), array.slice(3, 0)];
    match kind % 3 {
        1 => Shared::write(base, hostile.map(i64::from)),
        _ => Shared::write(base, hostile),
    }
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
