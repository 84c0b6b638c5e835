//! Programs that go through every call and every status.

use std::process::Command;

use crate::harness::{
    compiler::{SANITIZED, expect_success, program},
    mounts::in_shared_memory_of,
    name::Name,
};

fn passes(by: &str, standard: &str, file: &str, flags: &[&str]) {
    let Some(program) = program(by, standard, file, flags) else {
        println!("skipped: there is no {by}");
        return;
    };
    let names = [Name::new(), Name::new()];
    let output = expect_success(Command::new(&program).args(names.iter().map(|name| &**name)));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(
        names.iter().all(|name| !name.is_taken()),
        "what was opened has been closed"
    );
    std::fs::remove_file(program).unwrap();
}

#[test]
fn every_call_and_status_in_c() {
    passes("cc", "c11", "tests/c/calls.c", &SANITIZED);
}

#[test]
fn without_room_and_without_files_in_c() {
    let Some(program) = program("cc", "c11", "tests/c/calls.c", &[]) else {
        println!("skipped: there is no C compiler");
        return;
    };
    match in_shared_memory_of("size=8k", &program) {
        Some(mut command) => drop(expect_success(command.arg("without"))),
        None => println!("skipped: this process may not mount a file system of its own"),
    }
    std::fs::remove_file(program).unwrap();
}

#[test]
fn every_call_and_status_by_clang() {
    passes("clang", "c11", "tests/c/calls.c", &[]);
}

#[test]
fn the_wrapper_in_cpp() {
    passes("c++", "c++17", "tests/c/wrapper.cpp", &SANITIZED);
}
