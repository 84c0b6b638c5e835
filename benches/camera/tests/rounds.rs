//! The benchmark itself, on the double of the CUDA driver: what it would measure arrives whole in every arm.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// A folder with the double under the driver's name.
fn driver_double(folder: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_camera-bench"));
    let double = program.with_file_name("libcuda_driver_double.so");
    assert!(
        double.exists(),
        "{} is missing: run `cargo build -p cuda-driver-double` first, as `make test` does",
        double.display()
    );
    for name in ["libcuda.so", "libcuda.so.1"] {
        let linked = std::os::unix::fs::symlink(&double, folder.join(name));
        assert!(linked.is_ok(), "{linked:?}");
    }
}

#[test]
fn every_arm_brings_every_frame_whole_and_what_is_left_out_is_said() {
    let folder = std::env::temp_dir().join(format!("camera-bench-test-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    driver_double(&folder);
    let out = folder.join("out");
    let status = Command::new(env!("CARGO_BIN_EXE_camera-bench"))
        .args(["run", "--length", "trial", "--device-only"])
        .arg(&out)
        .env("LD_LIBRARY_PATH", &folder)
        .status()
        .expect("it runs");
    assert!(status.success(), "{status}");
    let text = fs::read_to_string(out.join("record.json")).expect("a record");
    let record: Value = serde_json::from_str(&text).expect("JSON");
    let summaries = record["summaries"].as_array().expect("summaries");
    // Four arms under three workloads on the device, three on the host.
    assert_eq!(summaries.len(), 15, "{record:#}");
    for summary in summaries {
        let number = |key: &str| summary[key].as_u64();
        assert!(number("sent") > Some(0), "{summary:#}");
        assert_eq!(
            (number("lost"), number("wrong")),
            (Some(0), Some(0)),
            "{summary:#}"
        );
        let path = match summary["arm"].as_str().expect("an arm") {
            "device-plain" => "p",
            "device-caller-pinned" => "c",
            "device-pinned" => "d",
            "device-ceiling" => "o",
            _ => "h",
        };
        assert!(summary["paths"][path].as_u64() > Some(0), "{summary:#}");
    }
    let left_out = record["left_out"].to_string();
    assert!(left_out.contains("dora"), "{left_out}");
    let tables = fs::read_to_string(out.join("tables.md")).expect("tables");
    assert!(tables.contains("proves order, not speed"), "{tables}");
    for name in ["samples.csv.gz", "latency.svg", "copies.svg"] {
        assert!(
            out.join(name).metadata().expect(name).len() > 1000,
            "{name}"
        );
    }
    fs::remove_dir_all(&folder).expect("it is ours");
}
