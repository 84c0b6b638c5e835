use std::time::Instant;

use bytes::Bytes;

use super::{
    super::{ALIGNMENT, Datatype, EncodeError, MOST_TENSORS, PREAMBLE},
    *,
};

#[test]
fn what_was_written_is_read() {
    assert_eq!(
        InferenceRequest::decode(encoded(&request()).into()).unwrap(),
        request()
    );
    assert_eq!(
        InferenceAnswer::decode(encoded_answer(&answer()).into()).unwrap(),
        answer()
    );
    let nothing = InferenceRequest::default();
    assert_eq!(
        InferenceRequest::decode(encoded(&nothing).into()).unwrap(),
        nothing
    );
    let nothing = InferenceAnswer::default();
    assert_eq!(
        InferenceAnswer::decode(encoded_answer(&nothing).into()).unwrap(),
        nothing
    );
}

#[test]
fn every_datatype_is_written_and_read() {
    for element in ElementType::ALL {
        let data: Vec<u8> = (0..).take(6 * element.bytes()).collect();
        let tensor = Tensor::new("x", element, [2, 3], data).unwrap();
        let request = InferenceRequest {
            inputs: vec![tensor],
            ..Default::default()
        };
        assert_eq!(
            InferenceRequest::decode(encoded(&request).into()).unwrap(),
            request
        );
    }
}

#[test]
fn tensors_lie_at_multiples_of_64_bytes_and_are_not_copied_when_read() {
    let payload = Bytes::from(encoded(&request()));
    let begin = payload.as_ptr() as usize;
    let read = InferenceRequest::decode(payload.clone()).unwrap();
    for tensor in &read.inputs {
        let at = tensor.data().as_ptr() as usize - begin;
        assert!(tensor.data().is_empty() || (at.is_multiple_of(ALIGNMENT) && at < payload.len()));
    }
}

#[test]
fn what_is_written_is_all_of_the_payload_and_what_lies_behind_it_stays() {
    let encoder = request();
    let encoder = encoder.encoder().unwrap();
    let mut room = vec![0xAA; encoder.bytes() + 3];
    encoder.write(&mut room).unwrap();
    let (payload, behind) = room.split_at(encoder.bytes());
    assert_eq!(
        (payload, behind),
        (&encoded(&request())[..], &[0xAA; 3][..])
    );
    let read = InferenceRequest::decode(Bytes::copy_from_slice(&room)).unwrap();
    assert_eq!(read, request(), "a slot may be longer than what lies in it");

    let mut short = vec![0xAA; encoder.bytes() - 1];
    let refused = encoder.write(&mut short);
    assert!(matches!(refused, Err(EncodeError::Room { bytes, room }) if bytes == room + 1));
    assert!(short.iter().all(|byte| *byte == 0xAA));
}

#[test]
fn a_deadline_stays_here() {
    let mut with = request();
    with.deadline = Some(Instant::now());
    assert_eq!(encoded(&with), encoded(&request()));
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let tensor = |name: String| Tensor::new(name, ElementType::Uint8, [1], vec![1]).unwrap();
    let refused = |request: &InferenceRequest| request.encoder().unwrap_err();
    let of = |inputs| InferenceRequest {
        inputs,
        ..Default::default()
    };
    let many = of((0..=MOST_TENSORS)
        .map(|number| tensor(number.to_string()))
        .collect());
    assert!(
        matches!(refused(&many), EncodeError::TooMany { tensors } if tensors == MOST_TENSORS + 1)
    );
    let twice = of(vec![tensor("a".into()), tensor("a".into())]);
    assert!(matches!(refused(&twice), EncodeError::Twice { name } if name == "a"));
    let wanted = InferenceRequest {
        outputs: vec!["a".into(); MOST_TENSORS + 1],
        ..Default::default()
    };
    assert!(matches!(refused(&wanted), EncodeError::TooMany { .. }));
    let long = InferenceRequest {
        id: "i".repeat(1 << 20),
        ..Default::default()
    };
    assert!(matches!(refused(&long), EncodeError::Head { .. }));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let parameters = Parameters::from([("p".into(), Parameter::Double(value))]);
        let infinite = InferenceAnswer {
            parameters,
            ..Default::default()
        };
        let refused = infinite.encoder().unwrap_err();
        assert!(matches!(refused, EncodeError::Parameter { name, .. } if name == "p"));
    }
}

#[test]
fn a_number_comes_back_to_its_last_bit() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..10_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let value = f64::from_bits(state);
        if !value.is_finite() {
            continue;
        }
        let request = InferenceRequest {
            parameters: Parameters::from([("p".into(), Parameter::Double(value))]),
            ..Default::default()
        };
        let read = InferenceRequest::decode(encoded(&request).into()).unwrap();
        assert_eq!(read.parameters["p"], Parameter::Double(value));
    }
}

/// `bindings/python` has the same bytes in its tests.
#[test]
fn the_bytes_are_those_that_python_writes() {
    let request = InferenceRequest {
        model_name: "ocr".into(),
        model_version: "3".into(),
        id: "r-1".into(),
        parameters: Parameters::from([("share".into(), Parameter::Double(0.25))]),
        inputs: vec![Tensor::new("x", ElementType::Uint16, [1, 2], vec![1, 2, 3, 4]).unwrap()],
        outputs: vec!["y".into()],
        deadline: None,
    };
    let head = r#"{"model_name":"ocr","model_version":"3","id":"r-1","parameters":{"share":0.25},"inputs":[{"name":"x","datatype":"UINT16","shape":[1,2],"offset":0,"bytes":4}],"outputs":[{"name":"y"}]}"#;
    let mut bytes = b"zp-oipq\x01".to_vec();
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head.as_bytes());
    assert_eq!(bytes.len(), PREAMBLE + head.len());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes.extend([1, 2, 3, 4]);
    assert_eq!(encoded(&request), bytes);

    let answer = InferenceAnswer {
        outputs: vec![Tensor::new("y", Datatype::Bytes, [1], &b"\x02\0\0\0hi"[..]).unwrap()],
        ..Default::default()
    };
    let head = r#"{"model_name":"","model_version":"","id":"","parameters":{},"outputs":[{"name":"y","datatype":"BYTES","shape":[1],"offset":0,"bytes":6}]}"#;
    let mut bytes = b"zp-oipa\x01".to_vec();
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes.extend(b"\x02\0\0\0hi");
    assert_eq!(encoded_answer(&answer), bytes);
}
