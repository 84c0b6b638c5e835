//! Reading and writing under a filter that ends the process at its first system call.

use std::{os::unix::process::ExitStatusExt, process::Command};

use crate::harness::{compiler, name::Name};

/// A program that ran by itself, or that the filter has ended.
fn ran(program: &std::path::Path, what: &str) -> bool {
    let name = Name::new();
    let output = Command::new(program).args([&*name, what]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    match (output.status.code(), output.status.signal()) {
        (Some(0), None) => true,
        (None, Some(libc::SIGSYS)) => false,
        _ => panic!("{what}: {}: {text}", output.status),
    }
}

#[test]
fn reading_and_writing_make_no_system_call() {
    let Some(program) = compiler::program("cc", "c11", "tests/write_path/quiet.c", &[]) else {
        println!("skipped: there is no C compiler");
        return;
    };
    if ran(&program, "control") {
        println!("skipped: this kernel lets a filtered system call through");
    } else {
        assert!(ran(&program, "all but the clock"));
        if ran(&program, "only the clock") {
            assert!(ran(&program, "all"));
        } else {
            println!("skipped in part: on this machine reading the clock is a system call");
        }
    }
    std::fs::remove_file(program).unwrap();
}
