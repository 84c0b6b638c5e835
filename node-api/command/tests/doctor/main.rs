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

use report::Surroundings;

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
    let broken = Surroundings::with("mount -t tmpfs -o size=16m tmpfs /dev/shm");
    let printed = broken.printed(&["doctor"]);
    assert_eq!(printed.code, Some(1), "{}", printed.output);
    let fails = printed
        .output
        .lines()
        .position(|line| line.starts_with("fails"));
    let mut after = printed.output.lines().skip(fails.unwrap());
    assert!(after.next().unwrap().contains("room in /dev/shm"));
    assert!(
        after
            .next()
            .unwrap()
            .trim_start()
            .starts_with("-> make it larger")
    );
    assert!(
        printed.output.contains("1 thing to put right"),
        "{}",
        printed.output
    );
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
