use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, DictionaryArray, FixedSizeListArray, ListArray, NullArray,
        StringArray, StringViewArray, StructArray, UInt8Array, UInt16Array, make_array,
    },
    datatypes::{Field, Int8Type, UInt8Type, UInt16Type},
    ipc::reader::StreamReader,
};
use dora_node_api::arrow_utils::decode_arrow_ipc;

use super::*;

fn stream_of(array: &ArrayRef) -> Vec<u8> {
    let stream = ArrowStream::of(array).unwrap();
    // What an earlier message left behind must not show.
    let mut bytes = vec![0xa5; stream.bytes()];
    stream.write_to(&mut bytes);
    bytes
}

/// Arrow's reader and dora's decoder give the array back.
fn assert_arrives(array: ArrayRef) {
    let bytes = stream_of(&array);
    let decoded = decode_arrow_ipc(&bytes).unwrap();
    assert_eq!(&decoded.as_array().to_data(), &array.to_data(), "dora");
    let mut reader = StreamReader::try_new(&bytes[..], None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(&batch.column(0).to_data(), &array.to_data(), "arrow");
    assert!(reader.next().is_none());
}

#[test]
fn arrays_and_their_slices_come_out_of_arrows_reader_and_doras_as_they_went_in() {
    let numbers = UInt16Array::from_iter((0..9000u16).map(|i| (i % 7 > 0).then_some(i)));
    let words = StringArray::from_iter((0..100).map(|i| (i % 5 > 0).then(|| i.to_string())));
    let lists = ListArray::from_iter_primitive::<UInt16Type, _, _>(
        (0..50u16).map(|i| (i % 4 > 0).then(|| (0..i).map(Some).collect::<Vec<_>>())),
    );
    let pairs = FixedSizeListArray::from_iter_primitive::<UInt8Type, _, _>(
        (0..40u8).map(|i| Some(vec![Some(i), None, Some(2)])),
        3,
    );
    let flags = BooleanArray::from_iter((0..99).map(|i| (i % 3 > 0).then_some(i % 2 == 0)));
    let fields = vec![
        (
            Arc::new(Field::new("words", DataType::Utf8, true)),
            Arc::new(words.clone()) as ArrayRef,
        ),
        (
            Arc::new(Field::new("lists", numbers.data_type().clone(), true)),
            Arc::new(numbers.slice(3, 100)) as ArrayRef,
        ),
    ];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(numbers),
        Arc::new(words),
        Arc::new(lists),
        Arc::new(pairs),
        Arc::new(flags),
        Arc::new(StructArray::from(fields)),
        Arc::new(NullArray::new(20)),
        // These have no lean form.
        Arc::new(StringViewArray::from_iter_values([
            "a",
            "a string longer than twelve bytes",
        ])),
        Arc::new(DictionaryArray::<Int8Type>::from_iter(["a", "b", "a"])),
    ];
    for array in arrays {
        for (offset, count) in [
            (0, array.len()),
            (1, 1),
            (0, 0),
            (array.len(), 0),
            (1, array.len() - 1),
        ] {
            assert_arrives(array.slice(offset, count));
        }
    }
}

#[test]
fn large_buffers_begin_at_a_page_and_small_ones_at_64_bytes() {
    let image: ArrayRef = Arc::new(UInt8Array::from(vec![1; 8_294_400]));
    let stream = ArrowStream::of(&image).unwrap();
    assert_eq!(stream.data_offset(), 4096);
    // A page for the head and the marker at the end: no bitmap is made for an array without nulls.
    assert_eq!(stream.bytes(), 4096 + 8_294_400 + 8);

    let rows = vec![Some(vec![Some(7); 10_000])];
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(rows));
    let stream = ArrowStream::of(&list).unwrap();
    assert_eq!(stream.data_offset() % 4096, 0);

    let small: ArrayRef = Arc::new(UInt8Array::from(vec![1; 100]));
    let stream = ArrowStream::of(&small).unwrap();
    assert_eq!(stream.data_offset() % 64, 0);
    assert!(stream.bytes() < 1024);
}

#[test]
fn a_slice_sends_its_own_elements_only() {
    let image: ArrayRef = Arc::new(UInt8Array::from(vec![1; 1 << 20]));
    let words: ArrayRef = Arc::new(StringArray::from(vec![
        "a".repeat(1 << 20),
        String::from("b"),
    ]));
    for slice in [image.slice(5, 10), words.slice(1, 1)] {
        assert!(ArrowStream::of(&slice).unwrap().bytes() < 1024);
    }
}

#[test]
fn elements_written_in_place_are_the_array() {
    let stream = ArrowStream::in_place(&DataType::UInt16, 5000).unwrap();
    let mut bytes = vec![0xa5; stream.bytes()];
    let first = stream.data_offset();
    assert_eq!(first % 4096, 0);
    stream.write_to(&mut bytes);
    for (element, place) in bytes[first..first + 10_000].chunks_exact_mut(2).enumerate() {
        place.copy_from_slice(&(element as u16).to_le_bytes());
    }
    let decoded = decode_arrow_ipc(&bytes).unwrap();
    let expected = UInt16Array::from_iter_values(0..5000);
    assert_eq!(decoded.as_array().to_data(), expected.into());
}

#[test]
fn elements_that_arrow_has_as_bytes_are_written_in_place_too() {
    let data_type = DataType::FixedSizeBinary(2);
    let stream = ArrowStream::in_place(&data_type, 3000).unwrap();
    let mut bytes = vec![0; stream.bytes()];
    stream.write_to(&mut bytes);
    let first = stream.data_offset();
    bytes[first..first + 6000].fill(7);
    let decoded = decode_arrow_ipc(&bytes).unwrap();
    let array = decoded.as_array();
    assert_eq!((array.data_type(), array.len()), (&data_type, 3000));
    assert_eq!(values_of(array).unwrap().as_slice(), [7; 6000]);
}

#[test]
fn sizes_that_overflow_are_an_error() {
    for count in [usize::MAX, usize::MAX / 8, 1 << 62] {
        let stream = ArrowStream::in_place(&DataType::Float64, count);
        assert!(matches!(stream, Err(EncodeError::Sizes { .. })), "{count}");
    }
    assert!(ArrowStream::in_place(&DataType::Utf8, 1).is_err());
}

#[test]
fn one_run_of_bytes_is_found_through_lists_and_slices_and_not_through_nulls() {
    let bytes = |array: &ArrayRef| values_of(array).map(|values| values.as_slice().to_vec());
    let numbers: ArrayRef = Arc::new(UInt8Array::from(vec![1, 2, 3, 4]));
    assert_eq!(bytes(&numbers.slice(1, 2)), Some(vec![2, 3]));
    let rows = vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(3)])];
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(rows));
    assert_eq!(bytes(&list.slice(1, 1)), Some(vec![3]));
    assert_eq!(bytes(&make_array(list.to_data())), Some(vec![1, 2, 3]));
    let word: ArrayRef = Arc::new(StringArray::from(vec!["a", "bc"]));
    assert_eq!(bytes(&word), Some(b"abc".to_vec()));

    let gaps: ArrayRef = Arc::new(UInt8Array::from(vec![Some(1), None]));
    assert_eq!(bytes(&gaps), None);
    assert_eq!(bytes(&gaps.slice(0, 1)), Some(vec![1]));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    assert_eq!(bytes(&flags), None);
}
