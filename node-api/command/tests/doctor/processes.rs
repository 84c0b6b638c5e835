//! Other processes: killed ones, ones in other namespaces, and ones that write what they should not.

use super::{
    programs,
    report::{Report, Surroundings},
};

#[test]
fn what_killed_processes_left_is_counted_and_goes() {
    let killed = programs::command("dies_with_a_pool");
    let report = Surroundings::well_and(&format!("({killed} || true)")).examined(&[]);
    report.assert_note("leftovers", "each zenoh process does so at its start");
    let fact = &report.line("leftovers").fact;
    // The pool, its metadata, zenoh's, and the account.
    assert!(
        fact.contains("MiB in") && fact.contains("removed"),
        "{fact}"
    );
    report.assert_well();
}

#[test]
fn nothing_is_left_of_the_trial_itself() {
    let twice = format!(
        "{} doctor --json > /dev/null",
        env!("CARGO_BIN_EXE_zenoh-pinned")
    );
    let script = format!("{twice} && test -z \"$(ls /dev/shm)\"");
    let report = Surroundings::well_and(&script).examined(&[]);
    assert_eq!(report.line("leftovers").state, "ok");
}

/// With a process beside the command, started by `before`, that keeps a pool, and the command run by `by`. Both are in a
/// pid namespace in which nobody else is.
fn beside_a_process(before: &str, by: &str) -> Report {
    let keeps = programs::command("keeps_a_pool");
    let script = format!(
        "mount -t tmpfs tmpfs /mnt && {{ {before} {keeps} & }} && while ! test -e /mnt/is-there; do sleep 0.05; done"
    );
    let surroundings = Surroundings::well_and(&script).alone().run_by(by);
    surroundings.examined(&[])
}

const IN_A_NAMESPACE: &str = "unshare --pid --fork --kill-child --mount-proc";

#[test]
fn a_process_in_a_pid_namespace_of_its_own_is_named_with_how_to_share_one() {
    let report = beside_a_process(IN_A_NAMESPACE, "");
    report.assert_note("other processes", "docker run --pid=host");
    assert!(
        report
            .line("other processes")
            .fact
            .contains("in another pid namespace")
    );
    report.assert_well();
}

#[test]
fn from_inside_a_pid_namespace_the_processes_outside_are_told_of_though_not_seen() {
    let report = beside_a_process("", IN_A_NAMESPACE);
    report.assert_note("pid namespace", "ZENOH_PINNED_RECLAIM=namespace");
    report.assert_note("other processes", "docker run --pid=host");
    assert!(
        report
            .line("other processes")
            .fact
            .contains("cannot be seen")
    );
    assert!(report.lines.iter().all(|line| line.about != "leftovers"));
}

#[test]
fn a_process_with_another_shared_memory_folder_is_named_with_how_to_share_one() {
    let report = beside_a_process(
        "unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/shm && exec \"$@\"' sh",
        "",
    );
    report.assert_note("other processes", "--ipc=host");
    report.assert_well();
}

#[test]
fn a_neighbour_that_shares_everything_is_counted_and_well() {
    let report = beside_a_process("", "");
    assert_eq!(report.line("other processes").state, "ok");
    assert!(report.line("other processes").fact.contains("1 process"));
    assert!(
        report
            .line("shared pages")
            .fact
            .contains("1 segment and 1 account")
    );
}

#[test]
fn doctors_of_several_containers_that_share_a_folder_for_sockets_do_not_meet() {
    let examined = || {
        let report = Surroundings::well().alone().examined(&[]);
        (report.code, report.line("trial").state.clone())
    };
    // Each has the same number in its namespace.
    let doctors: Vec<_> = (0..6).map(|_| std::thread::spawn(examined)).collect();
    for doctor in doctors {
        assert_eq!(doctor.join().unwrap(), (Some(0), String::from("ok")));
    }
}

#[test]
fn a_hostile_segment_and_a_hostile_account_are_named_and_break_nothing() {
    // The magic, and nothing that fits it; an account's name, with a page of noise.
    let script = "(printf 'ZPINNED\\0and then nonsense'; head -c 8192 /dev/urandom) > /dev/shm/77.zenoh && \
        chmod 600 /dev/shm/77.zenoh && (exec 9>/dev/shm/2898722817.zenoh && chmod 600 /dev/shm/2898722817.zenoh && \
        printf 'ZPINACCTand then nonsense' >&9 && flock --shared 9 && exec sleep 600 > /dev/null) & sleep 0.2";
    let report = Surroundings::well_and(script).alone().examined(&[]);
    report.assert_note("shared pages", "fuser -v");
    assert!(
        report
            .line("shared pages")
            .fact
            .contains("/dev/shm/77.zenoh")
    );
    assert_eq!(report.line("trial").state, "ok");
}
