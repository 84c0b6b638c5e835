use super::*;

fn empty() -> InferTensorContents {
    InferTensorContents::default()
}

fn of(datatype: impl Into<Datatype>, contents: &InferTensorContents) -> Vec<u8> {
    raw("x", datatype.into(), contents).unwrap().to_vec()
}

#[test]
fn every_datatype_has_its_field_or_none() {
    let ints = InferTensorContents {
        int_contents: vec![-2, 100],
        ..empty()
    };
    assert_eq!(of(ElementType::Int8, &ints), [254, 100]);
    assert_eq!(of(ElementType::Int16, &ints), [254, 255, 100, 0]);
    assert_eq!(
        of(ElementType::Int32, &ints),
        [254, 255, 255, 255, 100, 0, 0, 0]
    );
    let uints = InferTensorContents {
        uint_contents: vec![2, 255],
        ..empty()
    };
    assert_eq!(of(ElementType::Uint8, &uints), [2, 255]);
    assert_eq!(of(ElementType::Uint16, &uints), [2, 0, 255, 0]);
    assert_eq!(of(ElementType::Uint32, &uints), [2, 0, 0, 0, 255, 0, 0, 0]);
    let longs = InferTensorContents {
        int64_contents: vec![-1],
        ..empty()
    };
    assert_eq!(of(ElementType::Int64, &longs), [255; 8]);
    let longs = InferTensorContents {
        uint64_contents: vec![u64::MAX],
        ..empty()
    };
    assert_eq!(of(ElementType::Uint64, &longs), [255; 8]);
    let bools = InferTensorContents {
        bool_contents: vec![true, false],
        ..empty()
    };
    assert_eq!(of(ElementType::Bool, &bools), [1, 0]);
    let singles = InferTensorContents {
        fp32_contents: vec![1.5],
        ..empty()
    };
    assert_eq!(of(ElementType::Float32, &singles), 1.5_f32.to_le_bytes());
    let doubles = InferTensorContents {
        fp64_contents: vec![-0.5],
        ..empty()
    };
    assert_eq!(of(ElementType::Float64, &doubles), (-0.5_f64).to_le_bytes());
    let words = InferTensorContents {
        bytes_contents: vec![b"ab"[..].into(), b""[..].into()],
        ..empty()
    };
    assert_eq!(of(Datatype::Bytes, &words), b"\x02\0\0\0ab\0\0\0\0");
    let all = ElementType::ALL.map(Datatype::Element);
    for datatype in all.into_iter().chain([Datatype::Bytes]) {
        assert!(of(datatype, &empty()).is_empty(), "{datatype}");
    }
}

#[test]
fn another_datatypes_field_is_refused_with_the_right_one() {
    let filled = [
        (
            Field::Bool,
            InferTensorContents {
                bool_contents: vec![true],
                ..empty()
            },
        ),
        (
            Field::Int,
            InferTensorContents {
                int_contents: vec![1],
                ..empty()
            },
        ),
        (
            Field::Int64,
            InferTensorContents {
                int64_contents: vec![1],
                ..empty()
            },
        ),
        (
            Field::Uint,
            InferTensorContents {
                uint_contents: vec![1],
                ..empty()
            },
        ),
        (
            Field::Uint64,
            InferTensorContents {
                uint64_contents: vec![1],
                ..empty()
            },
        ),
        (
            Field::Fp32,
            InferTensorContents {
                fp32_contents: vec![1.0],
                ..empty()
            },
        ),
        (
            Field::Fp64,
            InferTensorContents {
                fp64_contents: vec![1.0],
                ..empty()
            },
        ),
        (
            Field::Bytes,
            InferTensorContents {
                bytes_contents: vec![b"a"[..].into()],
                ..empty()
            },
        ),
    ];
    let all = ElementType::ALL.map(Datatype::Element);
    for datatype in all.into_iter().chain([Datatype::Bytes]) {
        for (other, contents) in &filled {
            let made = raw("x", datatype, contents);
            if field(datatype) == Some(*other) {
                assert!(made.is_ok(), "{datatype} in {other:?}");
                continue;
            }
            let InvalidRequest::ContentsField { remedy: word, .. } = made.unwrap_err() else {
                panic!("{datatype} in {other:?}");
            };
            assert_eq!(word, remedy(field(datatype)));
        }
    }
    let halves = [
        ElementType::Float16,
        ElementType::BFloat16,
        ElementType::Float8E4M3,
        ElementType::Float8E5M2,
    ];
    for half in halves {
        assert_eq!(field(half.into()), None, "they can only be raw");
    }
}

#[test]
fn an_element_beyond_its_datatype_is_refused() {
    let ints = |value| InferTensorContents {
        int_contents: vec![0, value],
        ..empty()
    };
    let uints = |value| InferTensorContents {
        uint_contents: vec![0, value],
        ..empty()
    };
    let table = [
        (ElementType::Int8, ints(128), 128),
        (ElementType::Int8, ints(-129), -129),
        (ElementType::Int16, ints(1 << 15), 1 << 15),
        (ElementType::Uint8, uints(256), 256),
        (ElementType::Uint16, uints(1 << 16), 1 << 16),
    ];
    for (element, contents, beyond) in table {
        let refused = raw("x", element.into(), &contents);
        assert!(matches!(refused, Err(InvalidRequest::Element { value, .. }) if value == beyond));
    }
}
