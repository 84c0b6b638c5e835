use super::{super::*, *};

#[test]
fn every_datatype_has_a_name_of_its_own() {
    let table = [
        (ElementType::Bool, "BOOL", 1),
        (ElementType::Uint8, "UINT8", 1),
        (ElementType::Uint16, "UINT16", 2),
        (ElementType::Uint32, "UINT32", 4),
        (ElementType::Uint64, "UINT64", 8),
        (ElementType::Int8, "INT8", 1),
        (ElementType::Int16, "INT16", 2),
        (ElementType::Int32, "INT32", 4),
        (ElementType::Int64, "INT64", 8),
        (ElementType::Float16, "FP16", 2),
        (ElementType::BFloat16, "BF16", 2),
        (ElementType::Float32, "FP32", 4),
        (ElementType::Float64, "FP64", 8),
        (ElementType::Float8E4M3, "FP8_E4M3", 1),
        (ElementType::Float8E5M2, "FP8_E5M2", 1),
    ];
    assert_eq!(table.map(|(element, ..)| element), ElementType::ALL);
    for (element, name, bytes) in table {
        assert_eq!(element.bytes(), bytes);
        assert_eq!(Datatype::from(element).name(), name);
        assert_eq!(Datatype::of_name(name), Some(element.into()));
    }
    assert_eq!(Datatype::of_name("BYTES"), Some(Datatype::Bytes));
    for none in ["", "fp32", "FP33", "STRING"] {
        assert_eq!(Datatype::of_name(none), None);
    }
}

#[test]
fn a_tensor_has_the_bytes_of_its_shape() {
    let tensor = |shape: &[u64], bytes: usize| {
        Tensor::new("x", ElementType::Float32, shape, vec![0; bytes]).map(|_| ())
    };
    for (shape, bytes) in [
        (&[][..], 4),
        (&[1], 4),
        (&[2, 3], 24),
        (&[0, 5], 0),
        (&[1; MOST_DIMENSIONS], 4),
        (&[0, 1 << 60], 0),
    ] {
        assert_eq!(tensor(shape, bytes), Ok(()), "{shape:?}");
        let more = tensor(shape, bytes + 1);
        assert!(matches!(more, Err(TensorError::Bytes { got, .. }) if got == bytes as u64 + 1));
    }
    let rank = MOST_DIMENSIONS + 1;
    assert_eq!(
        tensor(&[1; MOST_DIMENSIONS + 1], 4),
        Err(TensorError::Rank { rank })
    );
    for shape in [
        &[0, 1 << 61][..],
        &[u64::MAX],
        &[1 << 32, 1 << 32],
        &[1 << 32, 1 << 32, 0],
    ] {
        let shape = shape.to_vec();
        assert_eq!(tensor(&shape, 0), Err(TensorError::TooLarge { shape }));
    }
    for (name, bytes) in [
        (String::new(), 0),
        ("x".repeat(NAME_BYTES + 1), NAME_BYTES + 1),
    ] {
        let refused = Tensor::new(name, ElementType::Bool, [1], vec![1]);
        assert_eq!(refused, Err(TensorError::Name { bytes }));
    }
}

#[test]
fn the_elements_of_bytes_fill_it_exactly() {
    let tensor =
        |shape: u64, data: &[u8]| Tensor::new("x", Datatype::Bytes, [shape], data.to_vec());
    let strings = |tensor: Tensor| tensor.strings().map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(strings(words()), [&b"one"[..], b"", b"three"]);
    assert_eq!(strings(tensor(0, b"").unwrap()), [[0; 0]; 0]);
    let number = Tensor::new("x", ElementType::Uint32, [1], vec![0; 4]).unwrap();
    assert_eq!(
        number.strings().count(),
        0,
        "of another datatype there are none"
    );
    for (shape, data, wrong_from) in [
        (1, &b""[..], 0),
        (1, b"\0\0\0", 0),
        (1, b"\x01\0\0\0", 0),
        (2, b"\x01\0\0\0a", 1),
        (0, b"\0\0\0\0", 0),
        (1, b"\0\0\0\0\0", 1),
        (1, b"\xff\xff\xff\xff\0", 0),
        (1 << 60, b"\0\0\0\0", 1),
    ] {
        let refused = tensor(shape, data);
        let wrong = TensorError::Elements {
            expected: shape,
            bytes: data.len(),
            element: wrong_from,
        };
        assert_eq!(refused, Err(wrong), "{shape} of {data:?}");
    }
}

#[test]
fn a_whole_number_comes_back_as_the_smallest_kind_that_holds_it() {
    let parameters = Parameters::from([
        ("a".into(), Parameter::Uint64(5)),
        ("b".into(), Parameter::Uint64(1 << 63)),
        ("c".into(), Parameter::Double(5.0)),
    ]);
    let request = InferenceRequest {
        parameters,
        ..Default::default()
    };
    let read = InferenceRequest::decode(encoded(&request).into()).unwrap();
    let values: Vec<_> = read.parameters.into_values().collect();
    let expected = [
        Parameter::Int64(5),
        Parameter::Uint64(1 << 63),
        Parameter::Double(5.0),
    ];
    assert_eq!(values, expected);
}
