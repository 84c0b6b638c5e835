//! Runs the program as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy exempts only the test functions themselves"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const SMALL: [&str; 5] = ["--width", "640", "--height", "360", "--host"];

fn camera(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_camera"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The shared memory that the process and its children have mapped at this moment. Not what they have
/// open: zenoh opens the segments of everybody for a moment to see whether they are still in use.
fn shared_memory_of(pid: u32) -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut segments: BTreeSet<_> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|path| path.starts_with("/dev/shm/") && path.ends_with(".zenoh"))
        .map(PathBuf::from)
        .collect();
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
        {
            segments.extend(shared_memory_of(child));
        }
    }
    segments
}

/// Waits until frames are on their way; returns the shared memory in use.
fn wait_for_frames(pid: u32) -> BTreeSet<PathBuf> {
    let mut segments = BTreeSet::new();
    // One of either session, the slots, and zenoh's metadata. Where zenoh may not lock that, there is
    // no shared memory to see, and the run is well under way by the end of the wait.
    let deadline = Instant::now() + Duration::from_secs(5);
    while segments.len() < 4 && Instant::now() < deadline {
        segments.extend(shared_memory_of(pid));
        thread::sleep(Duration::from_millis(1));
    }
    segments
}

/// Waits for the end; returns the output, and all shared memory that the run had in use on the way.
fn watch_to_the_end(mut child: Child) -> (Output, BTreeSet<PathBuf>) {
    let mut segments = BTreeSet::new();
    while child.try_wait().unwrap().is_none() {
        segments.extend(shared_memory_of(child.id()));
        thread::sleep(Duration::from_millis(1));
    }
    (child.wait_with_output().unwrap(), segments)
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let line = text
        .lines()
        .last()
        .unwrap_or_else(|| panic!("nothing on stdout; stderr:\n{errors}"));
    serde_json::from_str(line).unwrap()
}

fn assert_complete(report: &Value, output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}; {report}; stderr:\n{errors}",
        output.status
    );
    assert_eq!(report["frames_received"], report["frames_sent"], "{report}");
    assert_eq!(report["in_order"], true, "{report}");
    assert_eq!(report["checksums_ok"], true, "{report}");
}

fn assert_nothing_left(segments: &BTreeSet<PathBuf>) {
    let left: Vec<_> = segments.iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn the_pattern_arrives_whole_and_nothing_is_left() {
    let arguments = [
        &[
            "run", "--input", "pattern", "--frames", "60", "--fps", "0", "--json",
        ],
        &SMALL[..],
    ];
    let (output, segments) = watch_to_the_end(camera(&arguments.concat()));
    let report = last_line(&output);
    assert_complete(&report, &output);
    assert_eq!(report["frames_sent"], 60);
    assert_eq!(report["bytes_per_frame"], 640 * 360 * 4);
    assert_eq!(report["path"]["host"], 60);
    assert_eq!(report["device"], Value::Null);
    assert!(report["reason"].is_string(), "{report}");
    assert!(
        report["latency_us"]["publish_to_frame"]["p99"].is_number(),
        "{report}"
    );
    assert_eq!(
        report["latency_us"]["publish_to_device"]["p99"],
        Value::Null
    );
    assert_eq!(report["pool"]["slots"], 8);
    assert_nothing_left(&segments);
}

#[test]
fn a_run_that_is_terminated_ends_like_one_that_is_over() {
    let arguments = [
        &[
            "run", "--input", "pattern", "--frames", "0", "--fps", "200", "--json",
        ],
        &SMALL[..],
    ];
    let child = camera(&arguments.concat());
    let mut segments = wait_for_frames(child.id());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (output, seen_since) = watch_to_the_end(child);
    segments.extend(seen_since);
    assert_complete(&last_line(&output), &output);
    assert_nothing_left(&segments);
}

#[test]
fn a_subscriber_that_is_killed_does_not_leave_the_publisher_waiting() {
    let arguments = [
        &[
            "run", "--input", "pattern", "--frames", "0", "--fps", "0", "--json",
        ],
        &SMALL[..],
    ];
    let child = camera(&arguments.concat());
    wait_for_frames(child.id());
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    let subscriber = children.split_whitespace().next().unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(subscriber).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("The subscriber process ended"), "{errors}");
    assert_eq!(last_line(&output)["frames_received"], Value::Null);
}

#[test]
fn the_clip_is_decoded_and_its_last_frame_saved() {
    let directory = tempfile::tempdir().unwrap();
    let picture = directory.path().join("frame.png");
    let save = ["--save-frame", picture.to_str().unwrap()];
    let arguments = [
        &["run", "--frames", "20", "--fps", "0", "--json"],
        &SMALL[..],
        &save,
    ];
    let output = camera(&arguments.concat()).wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("No ffmpeg was found") {
        println!("Skipped: no ffmpeg was found, so the clip cannot be decoded.");
        return;
    }
    let report = last_line(&output);
    assert_complete(&report, &output);
    assert_eq!(report["frames_sent"], 20);
    let (width, height, colours) = size_and_colours(&picture);
    assert_eq!((width, height), (640, 360));
    assert!(
        colours > 1000,
        "a frame of a film has more than {colours} colours"
    );
}

fn size_and_colours(picture: &Path) -> (u32, u32, usize) {
    let file = std::io::BufReader::new(fs::File::open(picture).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgba).unwrap();
    let colours: BTreeSet<_> = rgba.chunks_exact(4).collect();
    (info.width, info.height, colours.len())
}

#[test]
fn an_input_that_does_not_exist_is_an_error_that_says_what_to_do() {
    let output = camera(&["run", "--input", "no-such-film.mp4"])
        .wait_with_output()
        .unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("no-such-film.mp4 does not exist"),
        "{errors}"
    );
    assert!(errors.contains("pattern"), "{errors}");
}
