//! Runs the dataflow with the released dora CLI, as `make dora-demo` does, with fewer frames.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy exempts only the test functions themselves"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const CAMERA: &str = env!("CARGO_BIN_EXE_camera-node");
const DEVICE: &str = env!("CARGO_BIN_EXE_device-node");

/// A copy of the example with programs of this build.
struct Example {
    folder: TempDir,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Example {
    fn with_frames(frames: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dataflow = fs::read_to_string(here.join("dataflow.yml")).unwrap();
        let shorter = dataflow.replace("CAMERA_FRAMES: 300", &format!("CAMERA_FRAMES: {frames}"));
        assert_ne!(shorter, dataflow);
        fs::write(folder.path().join("dataflow.yml"), shorter).unwrap();
        fs::copy(here.join("sink.py"), folder.path().join("sink.py")).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(CAMERA, folder.path().join("bin/camera-node")).unwrap();
        symlink(DEVICE, folder.path().join("bin/device-node")).unwrap();
        Self {
            folder,
            environment: Vec::new(),
        }
    }

    /// Gives the device node a stand-in for the CUDA driver.
    fn with_driver(mut self, double: &Path, report: &Path) -> Self {
        let libraries = self.folder.path().join("libraries");
        fs::create_dir(&libraries).unwrap();
        for name in ["libcuda.so", "libcuda.so.1"] {
            symlink(double, libraries.join(name)).unwrap();
        }
        // Not for all nodes, and dora takes no library path from a dataflow.
        let node = self.folder.path().join("bin/device-node");
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{DEVICE}'\n",
            libraries.display()
        );
        fs::remove_file(&node).unwrap();
        fs::write(&node, script).unwrap();
        fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
        let report = report.to_owned();
        self.environment.push(("CUDA_DOUBLE_REPORT", report));
        self
    }

    fn run(&self) -> Output {
        let python = std::env::var("ZENOH_PINNED_PYTHON");
        let python = python.expect("ZENOH_PINNED_PYTHON names a Python with dora-rs: `make test`");
        let programs = Path::new(&python).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::split_paths(&path);
        let path = std::env::join_paths([programs.to_owned()].into_iter().chain(path)).unwrap();

        let log = self.folder.path().join("log");
        let write = File::create(&log).unwrap();
        let mut dora = Command::new(programs.join("dora"))
            .args(["run", "dataflow.yml"])
            .current_dir(self.folder.path())
            .env("VIRTUAL_ENV", programs.parent().unwrap())
            .env("PATH", path)
            .envs(self.environment.iter().cloned())
            .env_remove("CUDA_DOUBLE")
            .env_remove("CUDA_VISIBLE_DEVICES")
            .stdin(Stdio::null())
            .stdout(write.try_clone().unwrap())
            .stderr(write)
            .spawn()
            .unwrap();
        // A watchdog against a dataflow that never ends, not a bound on its speed.
        let watchdog = Instant::now() + Duration::from_secs(100);
        let status = loop {
            if let Some(status) = dora.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > watchdog {
                let _ = dora.kill();
                let _ = dora.wait();
                panic!("stuck\n{}", fs::read_to_string(log).unwrap());
            }
            thread::sleep(Duration::from_millis(20));
        };
        let log = fs::read_to_string(log).unwrap();
        Output { status, log }
    }
}

struct Output {
    status: ExitStatus,
    log: String,
}

impl Output {
    /// The rows that a node has printed, by their names.
    fn table(&self, node: &str) -> BTreeMap<&str, &str> {
        let mark = format!(" stdout {node}: ");
        let rows = self.log.lines().filter_map(|line| {
            let (_, row) = line.split_once(&mark)?;
            let (name, value) = row.split_once("  ")?;
            Some((name, value.trim_start()))
        });
        rows.collect()
    }

    fn assert_complete(&self, frames: &str) {
        assert!(self.status.success(), "{}\n{}", self.status, self.log);
        let camera = self.table("camera");
        assert_eq!(camera["Frames sent"], frames, "{}", self.log);
        assert_eq!(camera["Path"], "pinned shared memory", "{}", self.log);
        for node in ["python", "device"] {
            let table = self.table(node);
            assert_eq!(table["Frames received"], frames, "{}", self.log);
            for trouble in ["Frames missing", "Out of order", "Wrong checksums"] {
                assert_eq!(table[trouble], "0", "{node}: {trouble}\n{}", self.log);
            }
        }
    }
}

#[test]
fn every_frame_arrives_in_order_and_whole_at_both_consumers() {
    Example::with_frames(30).run().assert_complete("30");
}

#[test]
fn frames_reach_the_device_and_are_checked_there() {
    let double = Path::new(DEVICE).with_file_name("libcuda_driver_double.so");
    if !double.exists() {
        println!(
            "Skipped: there is no stand-in for the driver; `cargo build -p cuda-driver-double` makes it."
        );
        return;
    }
    let reports = tempfile::tempdir().unwrap();
    let report = reports.path().join("report.json");
    let output = Example::with_frames(60).with_driver(&double, &report).run();
    output.assert_complete("60");
    let device = output.table("device");
    let paths = device["Path to the device"];
    assert!(!paths.starts_with("direct 0,"), "{paths}");
    assert!(paths.ends_with("pageable 0, host 0"), "{paths}");
    assert!(device["Sent to device"].starts_with("p50"), "{device:?}");
    let driver: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(driver["violations"], serde_json::json!([]), "{driver:#}");
    assert_eq!(driver["registrations_left"], 0, "{driver:#}");
}
