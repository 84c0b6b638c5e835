use super::*;
use crate::formats::{HeaderFault, PathFault};

fn shard(names: &[&str]) -> Vec<u8> {
    let tensor = |(n, name): (usize, &&str)| {
        format!(
            r#""{name}":{{"dtype":"U8","shape":[1],"data_offsets":[{n},{}]}}"#,
            n + 1
        )
    };
    let tensors: Vec<_> = names.iter().enumerate().map(tensor).collect();
    let data: Vec<u8> = names.iter().map(|name| name.as_bytes()[0]).collect();
    let note = names[0];
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt","of":"{note}"}},{}}}"#,
        tensors.join(",")
    );
    super::safetensors::file(&header, &data)
}

fn opened(folder: &Temporary, index: &str) -> Result<ModelFiles, FormatError> {
    folder.open("model.safetensors.index.json", index.as_bytes())
}

fn index_fault(result: Result<ModelFiles, FormatError>) -> HeaderFault {
    match result.unwrap_err() {
        FormatError::Header { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

fn with_shards() -> Temporary {
    let folder = Temporary::new();
    folder.write("1.safetensors", &shard(&["a", "both"]));
    folder.write("2.safetensors", &shard(&["b", "both", "unlisted"]));
    folder
}

#[test]
fn the_index_says_which_shard_has_a_tensor() {
    let index = r#" {"metadata":{"total_size":4},"weight_map":
        {"b":"2.safetensors","a":"1.safetensors","both":"2.safetensors"}}"#;
    let found = opened(&with_shards(), index).unwrap();
    let placed: Vec<_> = found
        .tensors
        .iter()
        .map(|tensor| (&*tensor.name, tensor.source.file))
        .collect();
    assert_eq!(placed, [("a", 1), ("b", 2), ("both", 2)]);
    assert_eq!(bytes_of(&found, "b"), b"b");
    assert_eq!(
        (&*found.metadata["format"], &*found.metadata["of"]),
        ("pt", "a")
    );
    assert_eq!(found.files.len(), 3);
}

#[test]
fn an_index_that_is_none_is_refused() {
    let folder = with_shards();
    let fault = |index: &str| index_fault(opened(&folder, index));
    assert!(matches!(fault("{}"), HeaderFault::NoMap));
    for index in [
        "{",
        r#"{"weight_map":[]}"#,
        r#"{"weight_map":{"a":1}}"#,
        "{}x",
    ] {
        assert!(matches!(fault(index), HeaderFault::Json { .. }), "{index}");
    }
    let map = r#"{"a":"1.safetensors"}"#;
    let twice = format!(r#"{{"weight_map":{map},"weight_map":{map}}}"#);
    assert!(matches!(fault(&twice), HeaderFault::Repeated { .. }));
    let twice = r#"{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}"#;
    assert!(matches!(fault(twice), HeaderFault::Repeated { .. }));
    let missing = fault(r#"{"weight_map":{"c":"1.safetensors"}}"#);
    assert!(matches!(missing, HeaderFault::NotInShard { tensor, .. } if tensor == "c"));
    let path = folder.write("i.json", b"{}");
    let long = open(
        &path,
        &Limits {
            header_bytes: 1,
            ..Limits::default()
        },
    );
    assert!(matches!(
        index_fault(long),
        HeaderFault::TooLong { bytes: 2, limit: 1 }
    ));
}

#[test]
fn a_shard_is_a_safetensors_file_beside_the_index() {
    let folder = with_shards();
    folder.write("note.txt", b"no tensors here, whatever the name");
    std::os::unix::fs::symlink("1.safetensors", folder.path().join("link")).unwrap();
    let of = |shard: &str| {
        opened(&folder, &format!(r#"{{"weight_map":{{"a":"{shard}"}}}}"#)).unwrap_err()
    };
    for shard in [
        "../1.safetensors",
        "/etc/passwd",
        "",
        "link",
        "missing",
        r"1\u0000",
    ] {
        assert!(
            matches!(of(shard), FormatError::Path { tensor, .. } if tensor == "a"),
            "{shard}"
        );
    }
    assert!(matches!(
        of("link"),
        FormatError::Path {
            fault: PathFault::Link,
            ..
        }
    ));
    assert!(matches!(of("note.txt"), FormatError::Header { .. }));
    // An index is no shard, not even its own.
    assert!(matches!(
        of("model.safetensors.index.json"),
        FormatError::Header { .. }
    ));
}
