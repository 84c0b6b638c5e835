use bytes::Bytes;

use super::{
    super::{ALIGNMENT, DecodeError, HEAD_BYTES, MOST_TENSORS, TensorError},
    *,
};

/// A payload of this head and so many bytes of data.
fn payload(head: &str, data: usize) -> Bytes {
    let mut bytes = b"zp-oipa\x01".to_vec();
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT) + data, 0);
    bytes.into()
}

/// What becomes of an answer with these outputs and so many bytes of data.
fn outputs(outputs: &str, data: usize) -> Result<InferenceAnswer, DecodeError> {
    let head = format!(
        r#"{{"model_name":"","model_version":"","id":"","parameters":{{}},"outputs":[{outputs}]}}"#
    );
    InferenceAnswer::decode(payload(&head, data))
}

fn output(name: &str, shape: &str, offset: u64, bytes: u64) -> String {
    format!(
        r#"{{"name":"{name}","datatype":"UINT8","shape":{shape},"offset":{offset},"bytes":{bytes}}}"#
    )
}

#[test]
fn a_payload_that_was_cut_is_refused() {
    let whole = Bytes::from(encoded(&request()));
    for end in 0..whole.len() {
        assert!(
            InferenceRequest::decode(whole.slice(..end)).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn a_turned_bit_is_refused_or_read_but_never_a_panic() {
    let whole = encoded(&request());
    let mut refused = 0;
    for bit in 0..whole.len() * 8 {
        let mut turned = whole.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        match InferenceRequest::decode(turned.into()) {
            Ok(read) => drop(encoded(&read)),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(
        refused > whole.len(),
        "{refused} of {} bits",
        whole.len() * 8
    );
}

#[test]
fn changed_bytes_are_refused_or_read_but_never_a_panic() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let whole = encoded_answer(&answer());
    for _ in 0..20_000 {
        let mut changed = whole.clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % changed.len();
            changed[at] = random() as u8;
        }
        if let Ok(read) = InferenceAnswer::decode(changed.into()) {
            drop(encoded_answer(&read));
        }
    }
}

#[test]
fn what_begins_otherwise_is_refused_by_what_it_is() {
    let with = |at: usize, byte: u8| {
        let mut changed = encoded(&request());
        changed[at] = byte;
        InferenceRequest::decode(changed.into()).unwrap_err()
    };
    assert!(matches!(with(0, b'y'), DecodeError::Foreign));
    assert!(matches!(with(6, b'a'), DecodeError::NoRequest));
    assert!(matches!(with(6, 0), DecodeError::NoRequest));
    assert!(matches!(with(7, 2), DecodeError::Version { got: 2 }));
    assert!(matches!(with(11, 0x80), DecodeError::HeadLength { .. }));
    assert!(matches!(with(9, 0x0f), DecodeError::Short { .. }));
    assert!(matches!(with(12, b'['), DecodeError::Head(_)));
    let request = InferenceAnswer::decode(encoded(&request()).into());
    assert!(matches!(request, Err(DecodeError::NoAnswer)));
    let head = " ".repeat(HEAD_BYTES + 1);
    let long = InferenceAnswer::decode(payload(&head, 0));
    assert!(matches!(long, Err(DecodeError::HeadLength { .. })));
}

#[test]
fn a_head_is_exactly_what_it_should_be() {
    let whole = r#"{"model_name":"","model_version":"","id":"","parameters":{},"outputs":[]}"#;
    assert!(InferenceAnswer::decode(payload(whole, 0)).is_ok());
    for (there, instead) in [
        (r#""id":"","#, ""),
        (r#""id":"","#, r#""id":"","id":"","#),
        (r#""id":"","#, r#""id":"","more":1,"#),
        (r#""id":"","#, r#""id":1,"#),
        (r#""id":"","#, r#""id":null,"#),
        (r#""id":"","#, r#""id":"\ud800","#),
        ("{}", r#"{"a":1,"a":2}"#),
        ("{}", r#"{"a":null}"#),
        ("{}", r#"{"a":[1]}"#),
        ("{}", r#"{"a":NaN}"#),
        ("{}", r#"{"a":1e400}"#),
        ("[]", "{}"),
        ("[]", "[1]"),
        ("[]", "[] "),
        ("}", "}}"),
    ] {
        let changed = whole.replace(there, instead);
        let read = InferenceAnswer::decode(payload(&changed, 0));
        if instead == "[] " {
            assert!(read.is_ok(), "blanks are JSON's own");
        } else {
            assert!(matches!(read, Err(DecodeError::Head(_))), "{changed}");
        }
    }
}

#[test]
fn tensors_lie_where_they_may() {
    assert!(outputs(&output("a", "[4]", 0, 4), 4).is_ok());
    let misplaced = outputs(&output("a", "[4]", 8, 4), 64).unwrap_err();
    assert!(matches!(
        misplaced,
        DecodeError::Unaligned { offset: 8, .. }
    ));
    for (offset, bytes, data) in [
        (0, 4, 3),
        (64, 4, 67),
        (1 << 63, 4, 64),
        (64, u64::MAX, 128),
        (u64::MAX - 63, 64, 64),
    ] {
        let beyond = outputs(&output("a", "[4]", offset, bytes), data).unwrap_err();
        assert!(
            matches!(beyond, DecodeError::Beyond { .. }),
            "{offset} {bytes}: {beyond}"
        );
    }
    let both = |first: (u64, u64), second: (u64, u64)| {
        let first = output("a", &format!("[{}]", first.1), first.0, first.1);
        let second = output("b", &format!("[{}]", second.1), second.0, second.1);
        outputs(&format!("{first},{second}"), 256)
    };
    assert!(both((0, 64), (64, 64)).is_ok());
    assert!(both((64, 64), (0, 64)).is_ok(), "in any order");
    assert!(both((0, 64), (0, 0)).is_ok(), "nothing shares nothing");
    for (first, second) in [
        ((0, 65), (64, 1)),
        ((64, 1), (0, 65)),
        ((0, 1), (0, 1)),
        ((0, u64::MAX), (64, 1)),
    ] {
        let shared = both(first, second).unwrap_err();
        assert!(
            matches!(shared, DecodeError::Overlap { .. }),
            "{first:?} {second:?}: {shared}"
        );
    }
}

#[test]
fn tensors_are_what_they_are_said_to_be() {
    let misfit = outputs(&output("a", "[5]", 0, 4), 64).unwrap_err();
    let DecodeError::Tensor { name, error } = misfit else {
        panic!("{misfit}");
    };
    assert!(matches!(
        (&name[..], error),
        (
            "a",
            TensorError::Bytes {
                expected: 5,
                got: 4,
                ..
            }
        )
    ));
    for shape in ["[-1]", "[1.5]", "4", "[18446744073709551616]", "null"] {
        let read = outputs(&output("a", shape, 0, 4), 64);
        assert!(matches!(read, Err(DecodeError::Head(_))), "{shape}");
    }
    let unknown = output("a", "[4]", 0, 4).replace("UINT8", "UINT9");
    let unknown = outputs(&unknown, 64).unwrap_err();
    assert!(matches!(unknown, DecodeError::Datatype { datatype, .. } if datatype == "UINT9"));
    let twice = format!("{},{}", output("a", "[0]", 0, 0), output("a", "[0]", 0, 0));
    assert!(matches!(outputs(&twice, 0), Err(DecodeError::Twice { name }) if name == "a"));
    let many: Vec<_> = (0..=MOST_TENSORS)
        .map(|name| output(&name.to_string(), "[0]", 0, 0))
        .collect();
    let many = outputs(&many.join(","), 0);
    assert!(matches!(many, Err(DecodeError::TooMany { tensors }) if tensors == MOST_TENSORS + 1));
}

#[test]
fn deep_json_is_refused() {
    let deep = "[".repeat(100_000);
    assert!(matches!(
        InferenceAnswer::decode(payload(&deep, 0)),
        Err(DecodeError::Head(_))
    ));
}
