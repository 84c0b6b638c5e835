use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::proto::{model, proto, raw};
use super::safetensors::{SMALL, file};
use super::*;

#[test]
fn content_counts_before_the_name() {
    let folder = Temporary::new();
    let tensors = file(SMALL, &[0; 20]);
    let onnx = model(proto().message(5, raw("a", 2000, 0))).0;
    for name in ["m", "m.bin", "m.onnx", "m.safetensors"] {
        assert_eq!(
            folder.open(name, &tensors).unwrap().tensors.len(),
            3,
            "{name}"
        );
    }
    for name in ["m", "m.bin", "m.onnx", "m.ONNX"] {
        assert!(folder.open(name, &onnx).unwrap().graph.is_some(), "{name}");
    }
    for other in [&b""[..], b"text", b"\x80\x04\x95pickle", b"PK\x03\x04"] {
        let unknown = folder.open("m.bin", other);
        assert!(
            matches!(unknown, Err(FormatError::UnknownFormat { .. })),
            "{other:?}"
        );
        assert!(folder.open("m.safetensors", other).is_err());
        if !other.is_empty() {
            assert!(matches!(
                folder.open("m.onnx", other),
                Err(FormatError::Message { .. })
            ));
        }
    }
}

#[test]
fn only_a_regular_file_is_a_model_and_none_blocks() {
    let folder = Temporary::new();
    let at = |name: &str| folder.path().join(name);
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    symlink("fifo", at("link")).unwrap();
    let limits = Limits::default();
    let others = ["fifo", "socket", "link", ".", ".."].map(at);
    for path in others
        .iter()
        .map(|path| &**path)
        .chain([Path::new("/dev/null"), Path::new("/")])
    {
        let other = open(path, &limits);
        assert!(
            matches!(other, Err(FormatError::NotAFile { .. })),
            "{path:?} {other:?}"
        );
    }
    for path in [at("missing"), at("fifo/below"), PathBuf::new()] {
        let refused = open(&path, &limits);
        assert!(matches!(
            refused,
            Err(FormatError::Open { .. } | FormatError::NotAFile { .. })
        ));
    }
}

#[test]
fn a_link_that_the_caller_names_is_followed() {
    let folder = Temporary::new();
    folder.write("blob", &file(SMALL, &[0; 20]));
    let link = folder.path().join("m.safetensors");
    symlink("blob", &link).unwrap();
    assert_eq!(open(&link, &Limits::default()).unwrap().tensors.len(), 3);
}

#[test]
fn what_was_checked_is_what_is_read() {
    let folder = Temporary::new();
    let bytes = file(SMALL, &(0..20).collect::<Vec<_>>());
    let path = folder.write("m.safetensors", &bytes);
    let model = open(&path, &Limits::default()).unwrap();
    let other = folder.write("other", &[0xff; 500]);
    fs::rename(other, &path).unwrap();
    assert_eq!(bytes_of(&model, "a"), [0, 1, 2, 3, 4, 5, 6, 7]);
    let model = folder.open("m.safetensors", &bytes).unwrap();
    assert!(model.files[0].unchanged().unwrap());
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(!model.files[0].unchanged().unwrap());
}

#[test]
fn an_error_says_where_and_what_to_do() {
    let folder = Temporary::new();
    let header = r#"{"w\n":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#;
    let error = folder
        .open("m.safetensors", &file(header, &[0]))
        .unwrap_err();
    let path = folder.path().join("m.safetensors");
    let expected = format!(
        r#"Tensor "w\n" of {} is refused: its element type F4 is not served. Convert it to one of whole bytes."#,
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}
