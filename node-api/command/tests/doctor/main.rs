//! What the doctor says in surroundings that are broken, each in one way: what it is, and what to do about it.
//!
//! Each runs the command itself, in a mount namespace with a `/dev/shm` of its own, so nobody else's memory is in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod devices;
mod memory;
mod processes;
mod programs;
mod report;
mod versions;

use report::{LITTLE_LOCKABLE, Surroundings};

#[test]
fn a_machine_with_nothing_wrong_is_well_and_every_fact_has_its_line() {
    let report = Surroundings::well().examined(&[]);
    report.assert_well();
    for about in [
        "/proc",
        "/dev/shm",
        "room in /dev/shm",
        "huge pages",
        "lockable memory",
        "open files",
        "memory cgroup",
        "budget",
        "variables",
        "pid namespace",
        "other processes",
        "leftovers",
        "shared pages",
        "zenoh",
        "dora",
        "trial",
    ] {
        report.line(about);
    }
    assert!(report.line("trial").fact.contains("in shared memory, past"));
}

#[test]
fn what_people_read_has_the_same_lines_and_every_fault_its_remedy() {
    let small = Surroundings::with("mount -t tmpfs -o size=16m tmpfs /dev/shm");
    let printed = small.run_by(LITTLE_LOCKABLE).printed(&["doctor"]);
    assert_eq!(printed.code, Some(1), "{}", printed.output);
    let lines: Vec<_> = printed.output.lines().collect();
    for (line, remedy) in [
        ("note  room in /dev/shm 16.0 MiB free", "-> make it larger"),
        ("fails lockable memory  this process", "-> raise RLIMIT"),
        ("fails trial            a frame", "-> put right"),
    ] {
        let at = lines.iter().position(|printed| printed.starts_with(line));
        let at = at.unwrap_or_else(|| panic!("no {line:?}: {}", printed.output));
        assert!(lines[at + 1].trim_start().starts_with(remedy), "{line}");
    }
    let last = lines.last().unwrap();
    assert!(last.starts_with("2 things to put right"), "{last}");
}

#[test]
fn arguments_that_make_no_sense_are_told_apart_from_a_machine_that_is_broken() {
    for arguments in [
        &["doctor", "--device", "first"][..],
        &["doctor", "--hurry"],
        &[],
    ] {
        let printed = Surroundings::well().printed(arguments);
        assert_eq!(printed.code, Some(2), "{arguments:?}: {}", printed.output);
    }
}

#[test]
fn a_malformed_variable_is_named_with_what_it_may_say() {
    let set = Surroundings::well().set("ZENOH_PINNED_HOST_BYTES", "half of it");
    let report = set.examined(&[]);
    report.assert_note("variables", "such as 1048576, 64MiB or 2GiB");
    assert!(report.line("variables").fact.contains("half of it"));
}
