//! The benchmark itself, on the double of the CUDA driver: what it would measure arrives whole in every arm.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

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

/// A folder of the test's own with the double in it, and the benchmark as it is run there.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("camera-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        driver_double(&folder);
        Self { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    fn bench(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_camera-bench"));
        command.args(words).env("LD_LIBRARY_PATH", &self.folder);
        command
    }

    fn succeeds(&self, words: &[&str]) {
        let status = self.bench(words).arg(self.out()).status().expect("it runs");
        assert!(status.success(), "{words:?}: {status}");
    }

    fn record(&self) -> Value {
        let text = fs::read_to_string(self.out().join("record.json")).expect("a record");
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_arm_brings_every_frame_whole_and_what_is_left_out_is_said() {
    let place = Place::new("arms");
    place.succeeds(&["run", "--length", "trial", "--device-only"]);
    let record = place.record();
    let summaries = record["summaries"].as_array().expect("summaries");
    // Five arms under three workloads on the device, four on the host under one.
    assert_eq!(summaries.len(), 19, "{record:#}");
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
            "device-received" => "n",
            _ => "h",
        };
        assert!(summary["paths"][path].as_u64() > Some(0), "{summary:#}");
    }
    let left_out = record["left_out"].to_string();
    assert!(left_out.contains("dora"), "{left_out}");
    let tables = fs::read_to_string(place.out().join("tables.md")).expect("tables");
    assert!(tables.contains("proves order, not speed"), "{tables}");
    for name in ["samples.csv.gz", "latency.svg"] {
        let bytes = place.out().join(name).metadata().expect(name).len();
        assert!(bytes > 1000, "{name}");
    }
}

#[test]
fn parts_that_are_measured_one_by_one_end_up_in_one_record() {
    let place = Place::new("parts");
    place.succeeds(&["registering", "--rounds", "1"]);
    place.succeeds(&["copies", "--length", "trial"]);
    let record = place.record();
    let copies = record["copies"]["copies"].as_array().expect("copies");
    assert_eq!(copies.len(), 4 * 9, "four memories, nine sizes: {record:#}");
    let rows = record["registering"]["rows"].as_array().expect("rows");
    let processes: Vec<_> = rows.iter().map(|row| row["processes"].as_u64()).collect();
    assert_eq!(
        processes,
        [Some(1), Some(4), Some(1), Some(4)],
        "{record:#}"
    );
    for row in rows {
        assert!(
            row["slowest"].as_f64() >= row["quickest"].as_f64(),
            "{row:#}"
        );
        assert!(row["quiet"]["copies"].as_u64() > Some(0), "{row:#}");
    }
    // Tables and plots follow from the record alone.
    let record = place.out().join("record.json");
    let made = place
        .bench(&["tables"])
        .arg(record)
        .status()
        .expect("it runs");
    assert!(made.success() && place.out().join("copies.svg").exists());
}

#[test]
fn a_first_look_is_a_line_for_each_size_and_memory() {
    let place = Place::new("look");
    let looked = place.bench(&["look"]).output().expect("it runs");
    assert!(looked.status.success(), "{looked:?}");
    let text = String::from_utf8(looked.stdout).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 4 * 4, "{text}");
    let ours = |line: &&Value| {
        line["memory"]
            .as_str()
            .is_some_and(|memory| memory.starts_with("(c)"))
    };
    assert!(
        lines
            .iter()
            .filter(ours)
            .all(|line| line["path"] == "direct"),
        "{text}"
    );
}

#[test]
fn what_there_is_no_time_for_is_left_out_and_said() {
    let place = Place::new("within");
    place.succeeds(&[
        "run",
        "--length",
        "trial",
        "--device-only",
        "--within",
        "0.1",
    ]);
    let record = place.record();
    assert_eq!(
        record["summaries"].as_array().map(Vec::len),
        Some(0),
        "{record:#}"
    );
    assert!(
        record["left_out"].to_string().contains("no time was left"),
        "{record:#}"
    );
}

#[test]
fn a_run_that_is_killed_has_left_what_it_had_measured() {
    let place = Place::new("killed");
    let run = place
        .bench(&["run", "--length", "trial", "--device-only"])
        .arg(place.out())
        .stderr(Stdio::null())
        .spawn();
    let mut run = run.expect("it starts");
    let until = Instant::now() + Duration::from_secs(60);
    while !place.out().join("record.json").exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill().expect("it is ours");
    run.wait().expect("it is ours");
    let record = place.record();
    assert_eq!(
        record["summaries"].as_array().map(Vec::len),
        Some(5),
        "one round of each arm: {record:#}"
    );
    assert_eq!(
        record["curves"].as_array().map(Vec::len),
        Some(5),
        "{record:#}"
    );
    let samples = fs::File::open(place.out().join("samples.csv.gz")).expect("samples");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(samples), &mut text)
        .expect("whole");
    assert!(text.lines().count() > 5, "{text}");
}
