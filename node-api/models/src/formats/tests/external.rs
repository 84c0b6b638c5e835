use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::proto::*;
use super::*;
use crate::formats::{Counted, MessageFault, PathFault};

/// A model of one tensor, `a`, of eight bytes in another file.
fn of(folder: &Temporary, entries: &[(&str, &str)]) -> Result<ModelFiles, FormatError> {
    let tensor = external(tensor("a", UINT8, &[8]), entries);
    folder.open("m.onnx", &model(proto().message(5, tensor)).0)
}

fn with_data() -> Temporary {
    let folder = Temporary::new();
    folder.write("data", &(0..16).collect::<Vec<_>>());
    folder
}

#[test]
fn a_tensor_in_another_file_is_found_there() {
    let folder = with_data();
    fs::create_dir(folder.path().join("below")).unwrap();
    folder.write("below/data", &[7; 8]);
    let whole = [
        ("location", "data"),
        ("offset", "4"),
        ("length", "8"),
        ("checksum", "x"),
    ];
    let found = of(&folder, &whole).unwrap();
    assert_eq!(bytes_of(&found, "a"), [4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(bytes_of(&of(&folder, &whole[..2]).unwrap(), "a")[0], 4);
    assert_eq!(bytes_of(&of(&folder, &whole[..1]).unwrap(), "a")[0], 0);
    let below = of(&folder, &[("location", "./below//data")]).unwrap();
    assert_eq!(bytes_of(&below, "a"), [7; 8]);
    let without_name = proto().number(1, 8).number(2, UINT8).bytes(8, "a");
    let graph = model(proto().message(5, elsewhere(without_name, 8)));
    assert_eq!(below.graph, Some(graph.0));
}

#[test]
fn a_file_that_many_tensors_name_is_opened_once() {
    let folder = with_data();
    let tensor =
        |name: &str, location: &str| external(tensor(name, UINT8, &[8]), &[("location", location)]);
    let graph = proto()
        .message(5, tensor("a", "data"))
        .message(5, tensor("b", "./data"));
    let graph = graph.message(1, constant("c", tensor("", "data")));
    let path = folder.write("m.onnx", &model(graph).0);
    let found = open(
        &path,
        &Limits {
            files: 2,
            ..Limits::default()
        },
    )
    .unwrap();
    assert_eq!(found.files.len(), 2);
    assert!(found.tensors.iter().all(|tensor| tensor.source.file == 1));
    let too_many = open(
        &path,
        &Limits {
            files: 1,
            ..Limits::default()
        },
    );
    assert!(matches!(
        too_many,
        Err(FormatError::TooMany {
            of: Counted::Files,
            limit: 1,
            ..
        })
    ));
}

#[test]
fn a_tensor_lies_in_its_file_and_fits_its_shape() {
    let folder = with_data();
    let refused = |offset: &str, length: &str| {
        fault(of(
            &folder,
            &[("location", "data"), ("offset", offset), ("length", length)],
        ))
        .1
    };
    let outside = |offset, bytes| TensorFault::Outside {
        offset,
        bytes,
        left: 16,
    };
    assert_eq!(refused("9", "8"), outside(9, 8));
    assert_eq!(refused("17", "0"), outside(17, 0));
    assert_eq!(refused("18446744073709551615", "8"), outside(u64::MAX, 8));
    assert_eq!(
        refused("0", "7"),
        TensorFault::Misfit {
            bytes: 7,
            expected: 8
        }
    );
    assert_eq!(
        refused("0", "9"),
        TensorFault::Misfit {
            bytes: 9,
            expected: 8
        }
    );
    for (offset, length) in [
        ("-1", "8"),
        ("0", "+8"),
        ("", "8"),
        ("0", "99999999999999999999"),
    ] {
        assert!(matches!(
            refused(offset, length),
            TensorFault::NotANumber { .. }
        ));
    }
    let missing = fault(of(&folder, &[("offset", "0")])).1;
    assert_eq!(missing, TensorFault::Missing("location"));
    let twice = fault(of(&folder, &[("location", "data"), ("location", "data")])).1;
    assert_eq!(twice, TensorFault::Unexpected("location".into()));
    let of_tensor = |tensor: Proto| {
        let tensor = external(tensor, &[("location", "data")]);
        fault(folder.open("m.onnx", &model(proto().message(5, tensor)).0)).1
    };
    let two = of_tensor(tensor("a", UINT8, &[8]).bytes(9, [0; 8]));
    assert_eq!(two, TensorFault::TwoSources);
    assert_eq!(
        of_tensor(tensor("a", UINT8, &[8]).bytes(5, [0; 8])),
        TensorFault::TwoSources
    );
    let four_bits = of_tensor(tensor("a", 22, &[8]));
    assert_eq!(four_bits, TensorFault::Element { dtype: "22".into() });
    let huge = of_tensor(tensor("a", FLOAT, &[1 << 62]));
    assert_eq!(huge, TensorFault::Uncountable);
}

#[test]
fn no_name_leads_out_of_the_folder_or_blocks() {
    let outer = Temporary::new();
    outer.write("secret", &[0; 16]);
    let inner = Temporary(outer.path().join("in"));
    fs::create_dir(inner.path()).unwrap();
    fs::create_dir(inner.path().join("folder")).unwrap();
    symlink("../secret", inner.path().join("link")).unwrap();
    symlink("..", inner.path().join("folder-link")).unwrap();
    mknodat(
        CWD,
        inner.path().join("fifo"),
        FileType::Fifo,
        Mode::RUSR,
        0,
    )
    .unwrap();
    let path_fault = |location: &str| match of(&inner, &[("location", location)]).unwrap_err() {
        FormatError::Path {
            file,
            tensor,
            location: named,
            fault,
        } => {
            assert_eq!((file, &*tensor), (inner.path().join("m.onnx"), "a"));
            assert_eq!(named, location);
            fault
        }
        other => panic!("{other:?}"),
    };
    let absolute = outer.path().join("secret");
    assert!(matches!(
        path_fault(absolute.to_str().unwrap()),
        PathFault::Absolute
    ));
    assert!(matches!(path_fault("../secret"), PathFault::Parent));
    assert!(matches!(
        path_fault("folder/../../secret"),
        PathFault::Parent
    ));
    assert!(matches!(path_fault(""), PathFault::Empty));
    assert!(matches!(path_fault("a\0"), PathFault::Zero));
    assert!(matches!(path_fault("link"), PathFault::Link));
    assert!(matches!(path_fault("folder-link/secret"), PathFault::Link));
    assert!(matches!(path_fault("fifo"), PathFault::NotAFile));
    assert!(matches!(path_fault("folder"), PathFault::NotAFile));
    assert!(matches!(path_fault("missing"), PathFault::System(_)));
    let long = "n".repeat(4_096);
    assert!(matches!(path_fault(&long), PathFault::System(_)));
    let longer = of(&inner, &[("location", &format!("{long}n"))]);
    let expected = MessageFault::Name {
        bytes: 4_097,
        limit: 4_096,
    };
    assert!(matches!(longer, Err(FormatError::Message { fault, .. }) if fault == expected));
}
