//! What a safetensors header says of tensors.

use super::safetensors::{file, header_fault, of, one};
use super::*;
use crate::formats::HeaderFault;

#[test]
fn a_tensor_is_described_whole_and_truly() {
    let refused = |tensor: &str, bytes: u64| fault(one(tensor, bytes)).1;
    let u8s = |shape: &str, from: u64, to: u64| {
        format!(r#""dtype":"U8","shape":{shape},"data_offsets":[{from},{to}]"#)
    };
    assert_eq!(
        refused(&u8s("[2]", 0, 3), 3),
        TensorFault::Misfit {
            bytes: 3,
            expected: 2
        }
    );
    assert_eq!(
        refused(&u8s("[1]", 1, 0), 1),
        TensorFault::Reversed { from: 1, to: 0 }
    );
    assert_eq!(
        refused(&u8s("[9]", 0, 9), 8),
        TensorFault::Outside {
            offset: 0,
            bytes: 9,
            left: 8
        }
    );
    let huge = format!("[{0},{0},0]", u64::MAX);
    assert_eq!(refused(&u8s(&huge, 0, 0), 0), TensorFault::Uncountable);
    let doubles = r#""dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]"#;
    assert_eq!(refused(doubles, 0), TensorFault::Uncountable);
    let rank = |rank: usize| format!("[{}]", vec!["1"; rank].join(","));
    assert!(one(&u8s(&rank(64), 0, 1), 1).is_ok());
    assert_eq!(
        refused(&u8s(&rank(65), 0, 1), 1),
        TensorFault::Rank { limit: 64 }
    );
    for dtype in ["F4", "F6_E2M3", "F8_E8M0", "F8_E4M3FNUZ", "C64", "f32", ""] {
        let tensor = format!(r#""dtype":"{dtype}","shape":[0],"data_offsets":[0,0]"#);
        let dtype = dtype.into();
        assert_eq!(refused(&tensor, 0), TensorFault::Element { dtype });
    }
    assert_eq!(
        refused(r#""dtype":"U8","shape":[0]"#, 0),
        TensorFault::Missing("data_offsets")
    );
    assert_eq!(
        refused(r#""dtype":"U8","data_offsets":[0,0]"#, 0),
        TensorFault::Missing("shape")
    );
    assert_eq!(
        refused(r#""shape":[0],"data_offsets":[0,0]"#, 0),
        TensorFault::Missing("dtype")
    );
    let more = format!(r#"{},"strides":[1]"#, u8s("[0]", 0, 0));
    assert_eq!(refused(&more, 0), TensorFault::Unexpected("strides".into()));
}

#[test]
fn bytes_belong_to_one_tensor_each() {
    let two = |from: u64, to: u64| {
        let tensor = |from, to| {
            let bytes = to - from;
            format!(r#"{{"dtype":"U8","shape":[{bytes}],"data_offsets":[{from},{to}]}}"#)
        };
        format!(r#"{{"a":{},"b":{}}}"#, tensor(0, 4), tensor(from, to))
    };
    assert!(of(&two(4, 8), 8).is_ok());
    let overlap = |other: &str| TensorFault::Overlap {
        other: other.into(),
    };
    assert_eq!(fault(of(&two(3, 8), 8)), ("b".into(), overlap("a")));
    assert_eq!(fault(of(&two(0, 4), 4)), ("b".into(), overlap("a")));
    assert_eq!(fault(of(&two(0, 2), 4)), ("a".into(), overlap("b")));
    assert_eq!(fault(of(&two(2, 2), 4)), ("b".into(), overlap("a")));
    assert!(matches!(
        header_fault(of(&two(5, 8), 8)),
        HeaderFault::Hole { from: 4, to: 5 }
    ));
    assert!(matches!(
        header_fault(of(&two(4, 8), 9)),
        HeaderFault::Hole { from: 8, to: 9 }
    ));
}

#[test]
fn lengths_over_four_gibibytes_are_counted() {
    let gib = 1_u64 << 30;
    let tensor = |from: u64, to: u64| {
        let bytes = to - from;
        format!(r#"{{"dtype":"U8","shape":[{bytes}],"data_offsets":[{from},{to}]}}"#)
    };
    let header = format!(
        r#"{{"a":{},"b":{}}}"#,
        tensor(0, 5 * gib),
        tensor(5 * gib, 90 * gib)
    );
    let found = of(&header, 90 * gib).unwrap();
    assert_eq!(found[1], ("b".into(), 5 * gib, 85 * gib));
    let most = u64::MAX - 200;
    let header = format!(r#"{{"a":{}}}"#, tensor(0, most));
    assert_eq!(of(&header, most).unwrap()[0].2, most);
    let behind = format!(r#"{{"a":{}}}"#, tensor(0, u64::MAX));
    assert!(matches!(
        fault(of(&behind, 8)).1,
        TensorFault::Outside { .. }
    ));

    // A file with a hole, which takes no room.
    let header = format!(
        r#"{{"a":{},"b":{}}}"#,
        tensor(0, 5 * gib),
        tensor(5 * gib, 5 * gib + 4)
    );
    let folder = Temporary::new();
    let path = folder.write("sparse.safetensors", &file(&header, &[]));
    let sparse = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let end = 8 + header.len() as u64 + 5 * gib;
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"last", end).unwrap();
    let model = open(&path, &Limits::default()).unwrap();
    assert_eq!(bytes_of(&model, "b"), b"last");
}
