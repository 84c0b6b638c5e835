//! The benchmark itself, with small files: every figure is there, and the record has the shape that is read.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use serde_json::Value;

/// The package as it is here, with the native library of this very build.
fn package(folder: &Path) {
    let native = Path::new(env!("CARGO_BIN_EXE_models-bench")).with_file_name("lib_native.so");
    assert!(
        native.exists(),
        "{} is missing: run `cargo build -p zenoh-pinned-python` first, as `make test` does",
        native.display()
    );
    let package = folder.join("zenoh_pinned");
    fs::create_dir(&package).expect("a folder");
    symlink(native, package.join("_native.abi3.so")).expect("a link");
    let sources =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/python/python/zenoh_pinned");
    for entry in fs::read_dir(sources).expect("the package").flatten() {
        if entry.file_name() != "_native.abi3.so" {
            symlink(entry.path(), package.join(entry.file_name())).expect("a link");
        }
    }
}

#[test]
fn a_trial_has_every_figure_and_its_last_key_is_the_aims() {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    let python = python.expect("ZENOH_PINNED_PYTHON names a Python with numpy: `make test`");
    let folder = tempfile::tempdir().expect("a folder");
    package(folder.path());
    let record = folder.path().join("models/record.json");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_models-bench"));
    bench
        .arg(&record)
        .arg(python)
        .arg("trial")
        .env("PYTHONPATH", folder.path());
    let ran = bench.output().expect("it runs");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );

    let text = fs::read_to_string(&record).expect("a record");
    let record: Value = serde_json::from_str(&text).expect("JSON");
    let whole = record.as_object().expect("an object");
    assert_eq!(whole.keys().next_back().map(String::as_str), Some("aims"));
    let figures = [
        "access",
        "overhead",
        "attach",
        "hand_over",
        "memory",
        "kill",
        "camera_models",
    ];
    let found = whole.keys().filter(|key| figures.contains(&key.as_str()));
    assert!(found.eq(figures.iter()), "{:?}", whole.keys());
    for aim in record["aims"].as_array().expect("aims") {
        assert!(aim["aim"].is_string() && aim["limit"].is_number() && aim["reached"].is_boolean());
        // A trial leaves out the one figure that needs models.
        let needs_models = aim["aim"]
            .as_str()
            .is_some_and(|aim| aim.contains("the example's"));
        assert_eq!(aim["value"].is_number(), !needs_models, "{aim}");
    }
    assert!(record["camera_models"]["skipped"].is_string());
    assert_eq!(record["hand_over"]["sixteen_shards"]["shards"], 16);
    // Nothing of it stays beside the record.
    let left = fs::read_dir(folder.path().join("models")).expect("the folder");
    assert_eq!(left.count(), 1);
}
