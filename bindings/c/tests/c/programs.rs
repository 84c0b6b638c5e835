//! Programs that go through every call and every status, by each compiler that is here, with its sanitizers.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::compiler::{Language, SANITIZED, expect_success, library, program, temporary};

fn passes(language: Language, file: &str, prepare: impl Fn(&mut Command)) {
    for by in language.present() {
        let program = program(by, language, file, &SANITIZED);
        let mut command = Command::new(&program);
        // zenoh leaves rings of references behind with each session (its routing tables), and with them what it was given.
        command.env("ASAN_OPTIONS", "detect_leaks=0");
        command.env_remove("RUST_LOG");
        prepare(&mut command);
        let output = expect_success(&mut command);
        print!("{}", String::from_utf8_lossy(&output.stdout));
        fs::remove_file(program).unwrap();
    }
}

#[test]
fn every_call_and_status_in_c() {
    passes(Language::C, "tests/c/calls.c", |_| {});
}

#[test]
fn what_no_program_should_do_is_a_status_and_a_message() {
    passes(Language::C, "tests/c/misuse.c", |_| {});
}

#[test]
fn the_wrapper_in_cpp() {
    passes(Language::Cpp, "tests/c/wrapper.cpp", |_| {});
}

/// A folder that holds the driver double under the driver's name.
pub fn driver_double() -> PathBuf {
    let folder = temporary("driver-double");
    fs::create_dir_all(&folder).unwrap();
    for name in ["libcuda.so", "libcuda.so.1"] {
        let _ = symlink(library("libcuda_driver_double.so"), folder.join(name));
    }
    folder
}

fn with_driver(command: &mut Command, report: &Path) {
    command.env("LD_LIBRARY_PATH", driver_double());
    command.env("CUDA_DOUBLE", "copy_delay_us=60000");
    command.env("CUDA_DOUBLE_REPORT", report);
    command.env_remove("CUDA_VISIBLE_DEVICES");
}

#[test]
fn copies_that_run_late_find_their_bytes_and_keep_their_slots() {
    for (language, file) in [
        (Language::C, "tests/c/device.c"),
        (Language::Cpp, "tests/c/device.cpp"),
    ] {
        let report = temporary("report.json");
        passes(language, file, |command| with_driver(command, &report));
        let text = fs::read_to_string(&report).expect("the driver double wrote no report");
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["violations"], serde_json::json!([]), "{told:#}");
        assert_eq!(told["registrations_left"], 0, "{told:#}");
        fs::remove_file(report).unwrap();
    }
}
