//! The program as its users run it, killed, stopped and given what it cannot take.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod processes;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use processes::{Random, Run, until};
use serde_json::Value;

/// A run with these arguments that goes to `folder`, without a dashboard.
fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_with(folder, arguments, &[])
}

fn run_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let own = [
        "--output-dir",
        folder.to_str().unwrap(),
        "--no-dashboard",
        "--json",
    ];
    Run::start(&[&own[..], arguments].concat(), environment)
}

/// A folder for one store, in a folder that goes with the test.
fn output() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    (folder, output)
}

fn verified(folder: &Path) -> (Value, bool) {
    let program = env!("CARGO_BIN_EXE_matrices");
    let arguments = ["verify", "--json", folder.to_str().unwrap()];
    let verified = Command::new(program).args(arguments).output().unwrap();
    let said = serde_json::from_slice(&verified.stdout);
    (said.unwrap(), verified.status.success())
}

/// What zarr, in Python, finds: how many matrices there are, and how many have another checksum than was told.
fn seen_by_zarr(folder: &Path) -> String {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    let python = python.expect("ZENOH_PINNED_PYTHON names a Python with zarr: `make test`");
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/read_back.py");
    let read = Command::new(python)
        .arg(reader)
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    String::from_utf8(read.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_kind_of_number_is_stored_whole_and_zarr_reads_it() {
    for (kind, dtype, more) in [
        ("smooth", "float64", &[][..]),
        ("random", "float32", &["--shuffle=false"]),
        ("ramp", "int16", &["--level", "9"]),
        (
            "smooth",
            "uint8",
            &["--shuffle", "--enable-buffer-reuse=false"],
        ),
    ] {
        let (_folder, output) = output();
        let arguments = [
            "--count", "30", "--shape", "70x130", "--kind", kind, "--dtype", dtype,
        ];
        let ended = run(&output, &[&arguments[..], more].concat()).end();
        assert!(ended.is_well, "{}", ended.errors);
        let figures = ended.figures();
        assert_eq!(figures["matrices"]["stored"], 30);
        assert_eq!(figures["finished"]["complete"], true);
        let (said, is_whole) = verified(&output);
        assert!(is_whole, "{said}");
        assert_eq!(
            seen_by_zarr(&output),
            format!("30 x (70, 130) {dtype}, 0 differ")
        );
    }
}

#[test]
fn a_hundred_kills_lose_and_double_nothing() {
    const MATRICES: usize = 10_000;
    const KILLS: usize = 100;
    let (_folder, output) = output();
    let count = MATRICES.to_string();
    let run = run(
        &output,
        &["--count", &count, "--shape", "64x96", "--max-buffers", "12"],
    );
    let mut random = Random(0x6d61_7472_6963_6573);
    let mut killed = 0;
    until(|| chunks(&output) > 10);
    while killed < KILLS && run.goes_on() {
        let workers = run.workers();
        if !workers.is_empty() {
            let at = random.below(workers.len() as u64) as usize;
            killed += usize::from(processes::kill(workers[at]));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    let ended = run.end();
    assert!(ended.is_well, "{}", ended.errors);
    assert_eq!(killed, KILLS, "the run was over before all of them");
    let figures = ended.figures();
    assert_eq!(figures["matrices"]["stored"], MATRICES);
    assert!(figures["restarts"].as_u64().unwrap() > KILLS as u64 / 2);
    assert_eq!(figures["finished"]["complete"], true);
    let (said, is_whole) = verified(&output);
    assert!(is_whole, "{said}");
    assert_eq!(said["unfinished"], 0);
    assert_eq!(
        seen_by_zarr(&output),
        format!("{MATRICES} x (64, 96) float64, 0 differ")
    );
}

#[test]
fn what_a_killed_run_has_stored_opens_and_the_rest_is_said_to_be_missing() {
    let (_folder, output) = output();
    let run = run(&output, &["--count", "5000", "--shape", "100x100"]);
    until(|| chunks(&output) > 300);
    let workers = run.workers();
    run.kill();
    until(|| {
        workers
            .iter()
            .all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    });
    let stored = chunks(&output);
    let (said, is_whole) = verified(&output);
    assert!(!is_whole && stored < 5000);
    assert_eq!(said["stored"], stored);
    assert_eq!(said["count"], 5000);
    assert!(said["undecodable"].as_array().unwrap().is_empty());
    assert!(seen_by_zarr(&output).starts_with("5000 x (100, 100) float64"));
    let mut verify = Command::new(env!("CARGO_BIN_EXE_matrices"));
    let text = verify.arg("verify").arg(&output).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("missing"), "{text}");
    let again = self::run(&output, &["--count", "3", "--shape", "100x100"]).end();
    assert!(
        !again.is_well && again.errors.contains("--overwrite"),
        "{}",
        again.errors
    );
    let again = self::run(
        &output,
        &["--count", "3", "--shape", "100x100", "--overwrite"],
    )
    .end();
    assert!(again.is_well, "{}", again.errors);
    assert_eq!(verified(&output).0["count"], 3);
}

fn chunks(output: &Path) -> usize {
    let chunks = fs::read_dir(output.join("matrices/c"));
    let whole = |chunk: &fs::DirEntry| chunk.path().join("0/0").exists();
    chunks.map_or(0, |chunks| chunks.flatten().filter(whole).count())
}

#[test]
fn an_interrupt_ends_with_everything_stored_that_was_begun_and_a_second_one_at_once() {
    let (_folder, output) = output();
    let first = run(&output, &["--count", "0", "--shape", "200x200"]);
    until(|| chunks(&output) > 50);
    let asked = Instant::now();
    first.interrupt();
    let ended = first.end();
    eprintln!("it ended {:?} after it was asked", asked.elapsed());
    assert!(ended.is_well, "{}", ended.errors);
    let figures = ended.figures();
    assert_eq!(figures["interrupted"], true);
    assert_eq!(
        figures["matrices"]["produced"],
        figures["matrices"]["stored"]
    );
    let (said, is_whole) = verified(&output);
    assert!(
        is_whole && said["stored"] == figures["matrices"]["stored"],
        "{said}"
    );

    let (_folder, output) = self::output();
    // At this level one matrix takes long.
    let slow = run(
        &output,
        &["--count", "0", "--shape", "3000x3000", "--level", "22"],
    );
    until(|| slow.workers().len() == 6);
    std::thread::sleep(Duration::from_millis(500));
    let workers = slow.workers();
    slow.interrupt();
    std::thread::sleep(Duration::from_millis(200));
    assert!(slow.goes_on(), "it finishes what it has begun");
    slow.interrupt();
    let ended = slow.end();
    assert!(
        !ended.is_well && ended.output.is_empty(),
        "{}",
        ended.output
    );
    until(|| {
        workers
            .iter()
            .all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    });
}

#[test]
fn no_matrix_is_copied_before_it_is_compressed() {
    let (_folder, output) = output();
    let log = [("RUST_LOG", "debug")];
    let ended = run_with(&output, &["--count", "40", "--shape", "300x300"], &log).end();
    assert!(ended.is_well, "{}", ended.errors);
    // `... produced matrix=7 place="file 5 at 4096"`
    let place = |what: &str, matrix: usize| {
        let matrix = format!("matrix={matrix} ");
        let mut lines = ended.errors.lines();
        let line = lines.find(|line| line.contains(&format!("{what} ")) && line.contains(&matrix));
        let line =
            line.unwrap_or_else(|| panic!("nothing was {what} of {matrix}: {}", ended.errors));
        line.split("place=").nth(1).unwrap().to_owned()
    };
    for matrix in 0..40 {
        let produced = place("produced", matrix);
        assert!(produced.contains("file "), "{produced}");
        assert_eq!(place("compressed", matrix), produced);
    }
}

#[test]
fn there_are_never_more_buffers_than_were_said_whoever_is_killed() {
    let (_folder, output) = output();
    let shape = "600x600"; // of a size that nothing else has
    let run = run(
        &output,
        &["--count", "600", "--shape", shape, "--max-buffers", "5"],
    );
    let mut random = Random(7);
    let (mut most, mut kills) = (0, 0);
    let bytes = 600 * 600 * 8;
    while run.goes_on() {
        let workers = run.workers();
        if !workers.is_empty() && kills < 30 && random.below(40) == 0 {
            let at = random.below(workers.len() as u64) as usize;
            kills += u32::from(processes::kill(workers[at]));
        }
        most = most.max(run.segments_of(bytes..bytes + (1 << 18)));
        std::thread::sleep(Duration::from_millis(2));
    }
    let ended = run.end();
    assert!(ended.is_well, "{}", ended.errors);
    assert!(
        (2..=5).contains(&most) && kills > 10,
        "{most} buffers, {kills} kills"
    );
    assert_eq!(ended.figures()["matrices"]["stored"], 600);
}

#[test]
fn what_cannot_be_taken_is_refused_before_anything_is_made() {
    let (folder, output) = output();
    let says = |arguments: &[&str], part: &str| {
        let ended = run(&output, arguments).end();
        assert!(
            !ended.is_well && ended.errors.contains(part),
            "{part}: {}",
            ended.errors
        );
        assert!(!output.exists(), "{part}");
    };
    says(&["--shape", "5000x5000"], "--buffer-size-mb 191 or more");
    says(&["--shape", "0x5"], "0x5");
    says(&["--max-buffers", "1"], "2..=4096");
    says(&["--level", "23"], "1 (fast) to 22 (small)");
    let npy = folder.path().join("cut.npy");
    fs::write(&npy, b"\x93NUMPY\x01\x00").unwrap();
    says(
        &["--input", npy.to_str().unwrap()],
        "Write the file again with numpy.save",
    );
    says(&["--input", "nowhere.npy"], "nowhere.npy cannot be read");
    says(&["--shape", "30000x10000", "--shuffle"], "--shuffle=false");
    says(&["--shape", "30000x10000"], "--buffer-size-mb 2298 or more");
    says(
        &["--shape", "90000x90000"],
        "give smaller matrices, no buffer",
    );
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let output_dir = output.to_str().unwrap();
    let ended = Run::start(
        &["--output-dir", output_dir, "--dashboard-port", &port],
        &[],
    )
    .end();
    assert!(
        ended.errors.contains("--dashboard-port"),
        "{}",
        ended.errors
    );
    assert!(!output.exists());
}

#[test]
fn an_input_that_changes_costs_what_it_loses_and_nothing_else() {
    let (folder, output) = output();
    let files = folder.path().join("in");
    fs::create_dir(&files).unwrap();
    let header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100, 100), }";
    for number in 0..200 {
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend_from_slice(header);
        file.resize(127, b' ');
        file.push(b'\n');
        file.extend((0..10_000).flat_map(|at| f64::from(at + number).to_le_bytes()));
        fs::write(files.join(format!("{number:03}.npy")), file).unwrap();
    }
    let arguments = ["--input", files.to_str().unwrap(), "--max-buffers", "2"];
    let run = run(&output, &arguments);
    // The last one is not read before the others.
    until(|| chunks(&output) > 0);
    let cut = fs::OpenOptions::new()
        .write(true)
        .open(files.join("199.npy"));
    cut.unwrap().set_len(5000).unwrap();
    let ended = run.end();
    assert!(
        !ended.is_well && ended.errors.contains("left out"),
        "{}",
        ended.errors
    );
    let figures = ended.figures();
    assert_eq!(figures["matrices"]["stored"], 199);
    assert_eq!(figures["matrices"]["failed"], 1);
    let (said, _) = verified(&output);
    assert_eq!(
        (&said["stored"], &said["count"]),
        (&Value::from(199), &Value::from(200))
    );
}

#[test]
fn a_full_disk_ends_the_run_with_its_name_and_leaves_nothing_half_written() {
    let Some(disk) = processes::SmallDisk::of_bytes(3 << 20) else {
        eprintln!("Skipped: no file system can be mounted here.");
        return;
    };
    let output = disk.path().join("output");
    let ended = run(
        &output,
        &["--count", "500", "--kind", "random", "--shape", "100x100"],
    )
    .end();
    assert!(
        !ended.is_well && ended.errors.contains("No room is left"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("--output-dir"), "{}", ended.errors);
    let (said, is_whole) = verified(&output);
    assert!(!is_whole);
    assert!(said["undecodable"].as_array().unwrap().is_empty(), "{said}");
    assert!(said["stored"].as_u64().unwrap() > 10, "{said}");
    disk.make_read_only();
    let ended = run(&disk.path().join("another"), &["--count", "1"]).end();
    assert!(
        !ended.is_well && ended.errors.contains("may not be written"),
        "{}",
        ended.errors
    );
}

#[test]
fn memory_does_not_grow() {
    let seconds = std::env::var("MATRICES_SECONDS").map_or(15, |seconds| seconds.parse().unwrap());
    let (_folder, output) = output();
    let run = run(
        &output,
        &["--count", "0", "--shape", "700x700", "--kind", "ramp"],
    );
    until(|| chunks(&output) > 500);
    let before = run.memory();
    std::thread::sleep(Duration::from_secs(seconds));
    let after = run.memory();
    eprintln!(
        "memory in bytes, {seconds} s apart, {} matrices: {before:?} {after:?}",
        chunks(&output)
    );
    run.interrupt();
    assert!(run.end().is_well);
    for (pid, bytes) in &after {
        let before = before[pid];
        // Allocators keep a little; a matrix has 3.9 MB, and hundreds have passed.
        assert!(
            *bytes < before + (8 << 20),
            "process {pid}: {before} {bytes}"
        );
    }
}
