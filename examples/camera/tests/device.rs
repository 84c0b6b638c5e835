//! Runs the program with the stand-in for the CUDA driver, where that has been built.
#![allow(
    clippy::unwrap_used,
    reason = "clippy exempts only the test functions themselves"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn frames_reach_the_device_and_are_checked_there() {
    let camera = Path::new(env!("CARGO_BIN_EXE_camera"));
    let double = camera.with_file_name("libcuda_driver_double.so");
    if !double.exists() {
        println!(
            "Skipped: there is no stand-in for the driver; `cargo build -p cuda-driver-double` makes it."
        );
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in ["libcuda.so", "libcuda.so.1"] {
        symlink(&double, directory.path().join(name)).unwrap();
    }
    let misuse = directory.path().join("misuse.json");
    let output = Command::new(camera)
        .args(["run", "--input", "pattern", "--frames", "60", "--fps", "0"])
        .args(["--width", "640", "--height", "360", "--json"])
        .env("LD_LIBRARY_PATH", directory.path())
        .env("CUDA_DOUBLE_REPORT", &misuse)
        .env_remove("CUDA_DOUBLE")
        .env_remove("CUDA_VISIBLE_DEVICES")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames_received"], 60, "{report}");
    assert_eq!(report["in_order"], true, "{report}");
    assert_eq!(report["checksums_ok"], true, "{report}");
    assert!(report["device"].is_string(), "{report}");
    assert_eq!(report["path"]["host"], 0, "{report}");
    let on_device = &report["latency_us"]["publish_to_device"];
    assert!(on_device["p50"].as_f64() > report["latency_us"]["publish_to_frame"]["p50"].as_f64());

    let driver: Value = serde_json::from_slice(&fs::read(misuse).unwrap()).unwrap();
    assert_eq!(driver["violations"], serde_json::json!([]), "{driver:#}");
    assert_eq!(driver["registrations_left"], 0, "{driver:#}");
}
