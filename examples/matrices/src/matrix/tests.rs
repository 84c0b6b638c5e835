use super::*;

#[test]
fn every_element_type_is_told_and_read_by_its_name() {
    let table = [
        ("float32", 4),
        ("float64", 8),
        ("int8", 1),
        ("int16", 2),
        ("int32", 4),
        ("int64", 8),
        ("uint8", 1),
        ("uint16", 2),
        ("uint32", 4),
        ("uint64", 8),
    ];
    assert_eq!(
        ElementType::ALL.map(|element| (element.name(), element.bytes())),
        table
    );
    for element in ElementType::ALL {
        assert_eq!(element.to_string().parse(), Ok(element));
        let json = serde_json::to_string(&element).unwrap();
        assert_eq!(json, format!("\"{element}\""));
        assert_eq!(serde_json::from_str::<ElementType>(&json).unwrap(), element);
    }
    for name in ["", "f64", "Float64", "float16", "bool", "float64 "] {
        assert!(name.parse::<ElementType>().is_err(), "{name:?}");
    }
}

#[test]
fn a_shape_is_two_whole_numbers_above_zero() {
    let shape = Shape::new(3, 20).unwrap();
    assert_eq!("3x20".parse(), Ok(shape));
    assert_eq!(serde_json::to_string(&shape).unwrap(), "\"3x20\"");
    for text in [
        "",
        "3",
        "x",
        "3x",
        "x3",
        "3X4",
        "3x4x5",
        "+3x4",
        "-3x4",
        "3 x4",
        "3x4 ",
        "1e3x4",
        "99999999999999999999x1",
    ] {
        assert!(
            matches!(text.parse::<Shape>(), Err(ShapeError::NotAShape { .. })),
            "{text:?}"
        );
    }
    for text in ["0x1", "1x0", "0x0"] {
        assert!(
            matches!(text.parse::<Shape>(), Err(ShapeError::Empty { .. })),
            "{text:?}"
        );
        assert!(serde_json::from_str::<Shape>(&format!("\"{text}\"")).is_err());
    }
}

#[test]
fn a_form_that_no_process_can_address_is_refused_however_it_is_made() {
    let form = Form::new(Shape::new(7, 5).unwrap(), ElementType::I16).unwrap();
    assert_eq!((form.elements(), form.bytes()), (35, 70));
    let json = serde_json::to_string(&form).unwrap();
    assert_eq!(json, r#"{"shape":"7x5","element":"int16"}"#);
    assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), form);
    for (rows, columns) in [
        (u64::MAX, 1),
        (u64::MAX, 2),
        (1 << 60, 1),
        (1 << 32, 1 << 32),
    ] {
        let shape = Shape::new(rows, columns).unwrap();
        assert!(Form::new(shape, ElementType::F64).is_err(), "{shape}");
        let json = format!(r#"{{"shape":"{shape}","element":"float64"}}"#);
        assert!(serde_json::from_str::<Form>(&json).is_err());
    }
    assert!(Form::new(Shape::new(i64::MAX as u64, 1).unwrap(), ElementType::U8).is_ok());
}

#[test]
fn a_checksum_is_crc_32c() {
    assert_eq!(checksum(&[]), 0);
    assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
    assert_eq!(checksum(b"123456789"), 0xe306_9283);
}
