//! Every kind of array arrives as it was sent.

use std::sync::Arc;

use dora_node_api::{
    DoraArray,
    arrow_v59::{
        array::{
            ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray,
            Float32Array, Float64Array, Int32Array, ListArray, NullArray, StringArray, StructArray,
            UInt8Array, UInt64Array,
        },
        datatypes::{DataType, Field, Float32Type, Int32Type, UInt8Type},
    },
};

use crate::dataflow::{self, rust};

/// Arrays of many types and forms.
pub fn all() -> Vec<DoraArray> {
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..100_000));
    let gaps: Vec<Option<f64>> = (0..5000u32)
        .map(|i| (i % 3 > 0).then(|| f64::from(i)))
        .collect();
    let rows = vec![Some(vec![Some(1.0), None, Some(3.0)]), None, Some(vec![])];
    let bytes = vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(3), Some(4)])];
    let words = ["left", "right", "left"];
    let x: ArrayRef = Arc::new(Float32Array::from(vec![1.0, 2.0]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let point = StructArray::from(vec![
        (Arc::new(Field::new("x", DataType::Float32, false)), x),
        (Arc::new(Field::new("name", DataType::Utf8, true)), names),
    ]);
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(rows);
    let pairs = FixedSizeListArray::from_iter_primitive::<UInt8Type, _, _>(bytes, 2);
    let keys: DictionaryArray<Int32Type> = words.into_iter().collect();
    let fixed = FixedSizeBinaryArray::try_from_iter([[1u8, 2, 3], [4, 5, 6]].into_iter());
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(UInt8Array::from(vec![7; 10_000])),
        Arc::new(UInt8Array::from(Vec::<u8>::new())),
        numbers.clone(),
        numbers.slice(33_333, 5001),
        Arc::new(Float64Array::from(gaps.clone())),
        Arc::new(Float64Array::from(gaps).slice(1001, 777)),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(BooleanArray::from(vec![true; 99]).slice(3, 50)),
        Arc::new(StringArray::from(vec!["one", "", "three"]).slice(1, 2)),
        Arc::new(NullArray::new(3)),
        Arc::new(NullArray::new(0)),
        Arc::new(lists.clone()),
        Arc::new(lists.slice(1, 2)),
        Arc::new(pairs),
        Arc::new(fixed.unwrap()),
        Arc::new(point.clone()),
        Arc::new(point.slice(1, 1)),
        Arc::new(keys),
        Arc::new(Int32Array::from(vec![-1; 3])),
    ];
    arrays.into_iter().map(DoraArray::from).collect()
}

pub fn one() -> DoraArray {
    DoraArray::from(Arc::new(UInt8Array::from(vec![1, 2, 3])) as ArrayRef)
}

/// More than the budget of the node that sends it.
pub fn vast() -> DoraArray {
    DoraArray::from(Arc::new(UInt8Array::from(vec![0; 20 << 20])) as ArrayRef)
}

#[test]
fn arrays_of_every_type_arrive_as_they_were_sent_and_errors_leave_the_node_as_it_was() {
    arrive_as_they_were_sent("1", "Pinned");
}

#[test]
fn small_arrays_arrive_as_bytes_as_they_were_sent() {
    arrive_as_they_were_sent("16MiB", "Bytes");
}

fn arrive_as_they_were_sent(shared_from: &str, way: &str) {
    let run = dataflow::run(&[
        rust("sender", "array_nodes::array_sender")
            .output("arrays")
            .output("plain")
            .with("ZENOH_PINNED_SHARED_FROM", shared_from)
            .with("ZENOH_PINNED_MAX_BYTES", "16MiB"),
        rust("receiver", "array_nodes::array_receiver")
            .input_with("arrays", "sender/arrays", "queue_size: 100")
            .input("plain", "sender/plain"),
    ]);
    let sender = run.journal("sender");
    let receiver = run.journal("receiver");
    let count = all().len();
    let deliveries = sender.with("delivery");
    assert_eq!(deliveries.len(), count);
    assert!(
        deliveries.iter().all(|entry| entry["delivery"] == way),
        "{deliveries:?}"
    );
    assert_eq!(sender.last("ignored")["ignored"], "Ignored");
    assert_eq!(sender.last("again")["again"], way);
    let error = sender.last("over_budget")["over_budget"].as_str().unwrap();
    assert!(error.contains("ZENOH_PINNED_MAX_BYTES"), "{error}");

    let received = receiver.with("number");
    let of_input = |input: &str| -> Vec<i64> {
        let entries = received.iter().filter(|entry| entry["input"] == input);
        entries
            .map(|entry| entry["number"].as_i64().unwrap())
            .collect()
    };
    let mut expected: Vec<i64> = (0..count as i64).collect();
    expected.push(-1);
    assert_eq!(of_input("arrays"), expected);
    assert_eq!(of_input("plain"), [-1]);
    let different: Vec<_> = received
        .iter()
        .filter(|entry| entry["equal"] == false)
        .collect();
    assert!(different.is_empty(), "{different:?}");
}
