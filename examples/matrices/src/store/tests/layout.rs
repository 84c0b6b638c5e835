use super::*;

#[test]
fn what_is_no_store_is_refused_and_what_is_damaged_is_told() {
    let run = Run::smooth(2);
    let folder = run.store.folder();
    let open = |path: &Path| Store::open(path).map(drop).unwrap_err();
    for path in ["nothing", "a"] {
        let refused = open(&run.temporary.path().join(path));
        assert!(
            matches!(refused, StoreError::NotAStore { .. }),
            "{path}: {refused}"
        );
    }
    let group = folder.join("zarr.json");
    let whole = fs::read(&group).unwrap();
    for text in [
        "",
        "{}",
        r#"{"zarr_format":3,"node_type":"group","attributes":{"made_by":"another"}}"#,
    ] {
        fs::write(&group, text).unwrap();
        assert!(
            matches!(open(folder), StoreError::NotAStore { .. }),
            "{text}"
        );
    }
    fs::write(&group, &whole).unwrap();
    Store::open(folder).unwrap();

    let matrices = folder.join("matrices/zarr.json");
    let described = json_of(&matrices);
    for (key, value) in [
        ("shape", json!([2, 6])),
        ("shape", json!([2, 0, 50])),
        ("shape", json!([2, 6, 51])),
        ("data_type", json!("complex64")),
        ("data_type", json!("nothing")),
        ("codecs", json!([])),
        (
            "codecs",
            json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "nothing"}]),
        ),
        (
            "chunk_grid",
            json!({"name": "regular", "configuration": {"chunk_shape": [2, 6, 50]}}),
        ),
        ("zarr_format", json!(2)),
    ] {
        let mut damaged = described.clone();
        damaged[key] = value.clone();
        fs::write(&matrices, damaged.to_string()).unwrap();
        let refused = open(folder);
        assert!(
            matches!(refused, StoreError::Metadata { .. }),
            "{key} {value}: {refused}"
        );
        assert!(verify(folder, &mut |_, _| ()).is_err());
    }
    fs::write(&matrices, &fs::read(&matrices).unwrap()[..100]).unwrap();
    assert!(matches!(open(folder), StoreError::Metadata { .. }));
}

#[test]
fn every_name_in_a_store_is_where_zarr_looks_for_it() {
    let run = Run::smooth(2);
    let folder = run.store.folder();
    for name in [
        "zarr.json",
        "matrices/zarr.json",
        "matrices/c/1/0/0",
        "checksums/zarr.json",
        "checksums/c/0",
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    assert_eq!(
        fs::read_dir(folder.join("matrices/unfinished"))
            .unwrap()
            .count(),
        0
    );
    let described = json_of(&folder.join("matrices/zarr.json"));
    assert_eq!(
        (&described["shape"], &described["data_type"]),
        (&json!([2, 6, 50]), &json!("float64"))
    );
    assert_eq!(described["codecs"][1]["name"], "blosc");
}
