use super::*;
use crate::formats::safetensors::contents;
use crate::formats::{Counted, HeaderFault, NameFault};
use zenoh_pinned_node::tensor::ElementType;

/// A safetensors file of this header and data.
pub(super) fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = header.len() as u64;
    [&length.to_le_bytes(), header.as_bytes(), data].concat()
}

pub(super) const SMALL: &str = r#"{"__metadata__":{"format":"pt"},
    "b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},
    "a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},
    "none":{"dtype":"I8","shape":[0,7],"data_offsets":[8,8]}}"#;

/// What a file of this header has that claims so many bytes of data.
pub(super) fn of(header: &str, data_bytes: u64) -> Result<Vec<(String, u64, u64)>, FormatError> {
    let file_bytes = (8 + header.len() as u64).checked_add(data_bytes).unwrap();
    let path = Path::new("a.safetensors");
    let (tensors, _) = contents(path, header.as_bytes(), file_bytes, 0, &Limits::default())?;
    let begin = 8 + header.len() as u64;
    let placed = |tensor: super::super::TensorEntry| {
        let Source { offset, bytes, .. } = tensor.source;
        (tensor.name, offset - begin, bytes)
    };
    Ok(tensors.into_iter().map(placed).collect())
}

/// One tensor of this description.
pub(super) fn one(tensor: &str, data_bytes: u64) -> Result<Vec<(String, u64, u64)>, FormatError> {
    of(&format!(r#"{{"a":{{{tensor}}}}}"#), data_bytes)
}

pub(super) fn header_fault<T: std::fmt::Debug>(result: Result<T, FormatError>) -> HeaderFault {
    match result.unwrap_err() {
        FormatError::Header { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tensors_are_found_in_the_order_of_their_bytes() {
    let data: Vec<u8> = (0..20).collect();
    let model = Temporary::new();
    let model = model.open("m.safetensors", &file(SMALL, &data)).unwrap();
    let names: Vec<_> = model.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names, ["a", "none", "b"]);
    assert_eq!(bytes_of(&model, "a"), data[..8]);
    assert_eq!(bytes_of(&model, "b"), data[8..]);
    assert_eq!(model.tensors[2].element, ElementType::BFloat16);
    assert_eq!(model.tensors[2].shape, [2, 3]);
    assert_eq!(model.metadata["format"], "pt");
    assert!(model.graph.is_none() && model.inputs.is_empty() && model.files.len() == 1);
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let whole = file(SMALL, &[7; 20]);
    let folder = Temporary::new();
    assert!(folder.open("whole.safetensors", &whole).is_ok());
    for bytes in 0..whole.len() {
        let cut = folder.open("cut.safetensors", &whole[..bytes]);
        assert!(cut.is_err(), "{bytes}");
    }
    let longer = [&*whole, &[0]].concat();
    let fault = header_fault(folder.open("long.safetensors", &longer));
    assert!(matches!(fault, HeaderFault::Hole { from: 20, to: 21 }));
}

#[test]
fn the_length_of_a_header_is_not_believed() {
    let folder = Temporary::new();
    let with = |length: u64| [&length.to_le_bytes(), &b"{}"[..]].concat();
    for (length, is_cut) in [
        (3, true),
        (99_999_999, true),
        (100_000_001, false),
        (u64::MAX, false),
    ] {
        let fault = header_fault(folder.open("m.safetensors", &with(length)));
        assert_eq!(
            matches!(fault, HeaderFault::Cut { .. }),
            is_cut,
            "{fault:?}"
        );
        assert_eq!(
            matches!(fault, HeaderFault::TooLong { .. }),
            !is_cut,
            "{fault:?}"
        );
    }
    let fault = header_fault(folder.open("m.safetensors", &[1; 7]));
    assert!(matches!(fault, HeaderFault::TooShort { bytes: 7 }));
    let beyond = contents(Path::new("m"), b"{}", 9, 0, &Limits::default());
    assert!(matches!(header_fault(beyond), HeaderFault::Cut { .. }));
}

#[test]
fn a_header_is_one_object_of_the_formats_shape() {
    assert!(of("{}", 0).unwrap().is_empty());
    assert!(of("{}   ", 0).unwrap().is_empty());
    for header in ["", " {}", "[]", "\u{feff}{}"] {
        assert!(
            matches!(header_fault(of(header, 0)), HeaderFault::NoBrace),
            "{header}"
        );
    }
    let nested = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    for header in [
        "{",
        "{}}",
        "{}{}",
        r#"{"a":1}"#,
        r#"{"a":null}"#,
        r#"{"__metadata__":{"a":1}}"#,
        r#"{"__metadata__":[]}"#,
        r#"{"a":{"dtype":1,"shape":[],"data_offsets":[0,1]}}"#,
        r#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#,
        r#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#,
        r#"{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}"#,
        r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}"#,
        r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#,
        &nested,
    ] {
        assert!(
            matches!(header_fault(of(header, 1)), HeaderFault::Json { .. }),
            "{header:.40}"
        );
    }
    let not_text = b"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    let refused = contents(Path::new("m"), not_text, 100, 0, &Limits::default());
    assert!(matches!(header_fault(refused), HeaderFault::Json { .. }));
}

#[test]
fn what_is_there_twice_is_refused() {
    let tensor = r#"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#;
    // The second time in another spelling.
    let twice = of(&format!(r#"{{"ab":{tensor},"\u0061b":{tensor}}}"#), 0);
    let Err(FormatError::Name {
        number: 1,
        fault: NameFault::Taken(name),
        ..
    }) = twice
    else {
        panic!("{twice:?}");
    };
    assert_eq!(name, "ab");
    for header in [
        r#"{"__metadata__":{},"__metadata__":{}}"#,
        r#"{"__metadata__":{"k":"","k":""}}"#,
    ] {
        assert!(matches!(
            header_fault(of(header, 0)),
            HeaderFault::Repeated { .. }
        ));
    }
    for key in ["dtype", "shape", "data_offsets"] {
        let all = r#""dtype":"U8","shape":[0],"data_offsets":[0,0]"#;
        let again = match key {
            "dtype" => r#""dtype":"U8""#,
            "shape" => r#""shape":[0]"#,
            _ => r#""data_offsets":[0,0]"#,
        };
        let twice = one(&format!("{all},{again}"), 0);
        assert_eq!(
            fault(twice),
            ("a".into(), TensorFault::Unexpected(key.into()))
        );
    }
}

#[test]
fn limits_are_kept() {
    let tensor = r#"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#;
    let header = format!(r#"{{"__metadata__":{{"a":"","b":""}},"xx":{tensor},"yy":{tensor}}}"#);
    let read = |limits: &Limits| {
        contents(
            Path::new("m"),
            header.as_bytes(),
            8 + header.len() as u64,
            0,
            limits,
        )
    };
    let limits = Limits {
        tensors: 2,
        name_bytes: 2,
        ..Limits::default()
    };
    assert!(read(&limits).is_ok());
    let too_many = read(&Limits {
        tensors: 1,
        ..limits
    });
    assert!(matches!(
        too_many,
        Err(FormatError::TooMany {
            of: Counted::Metadata,
            limit: 1,
            ..
        })
    ));
    let names = read(&Limits {
        name_bytes: 1,
        ..limits
    });
    let fault = NameFault::TooLong { bytes: 2, limit: 1 };
    assert!(
        matches!(names, Err(FormatError::Name { number: 0, fault: found, .. }) if found == fault)
    );
    let tensors = r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":"#;
    let too_many = contents(
        Path::new("m"),
        tensors.as_bytes(),
        100,
        0,
        &Limits {
            tensors: 1,
            ..limits
        },
    );
    assert!(matches!(
        too_many,
        Err(FormatError::TooMany {
            of: Counted::Tensors,
            ..
        })
    ));
    for (name, expected) in [("", NameFault::Empty), (r"a\u0000b", NameFault::Zero)] {
        let named = of(&format!(r#"{{"{name}":{tensor}}}"#), 0);
        assert!(matches!(named, Err(FormatError::Name { fault, .. }) if fault == expected));
    }
    let folder = Temporary::new();
    let path = folder.write("m.safetensors", &file("{}        ", &[]));
    let long = open(
        &path,
        &Limits {
            header_bytes: 9,
            ..limits
        },
    );
    assert!(matches!(
        header_fault(long),
        HeaderFault::TooLong {
            bytes: 10,
            limit: 9
        }
    ));
}
