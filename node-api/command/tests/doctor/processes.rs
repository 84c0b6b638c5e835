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

/// With a process beside the command, started by `before`, that keeps a pool.
fn beside_a_process(before: &str, command: &str) -> Report {
    let keeps = programs::command("keeps_a_pool");
    let script = format!(
        "({before} {keeps} & echo $! > /dev/shm/number) && while ! test -e /dev/shm/is-there; do sleep 0.05; done && \
         ended() {{ kill $(cat /dev/shm/number); }} && run() {{ {command} \"$@\"; code=$?; ended; exit $code; }} && \
         run \"$@\"; true"
    );
    Surroundings::well_and(&script).examined(&[])
}

#[test]
fn a_process_in_a_pid_namespace_of_its_own_is_named_with_how_to_share_one() {
    let unshare = "unshare --pid --fork --kill-child --mount-proc";
    let report = beside_a_process(unshare, "");
    report.assert_note("other processes", "docker run --pid=host");
    assert!(
        report
            .line("other processes")
            .fact
            .contains("another pid namespace")
    );
    report.assert_well();
}

#[test]
fn from_inside_a_pid_namespace_the_processes_outside_are_told_of_though_not_seen() {
    let unshare = "unshare --pid --fork --kill-child --mount-proc";
    let report = beside_a_process("", unshare);
    report.assert_note("pid namespace", "ZENOH_PINNED_RECLAIM=namespace");
    report.assert_note("other processes", "docker run --pid=host");
    assert!(
        report
            .line("other processes")
            .fact
            .contains("cannot be seen")
    );
}

#[test]
fn a_process_with_another_shared_memory_folder_is_named_with_how_to_share_one() {
    let keeps = programs::command("keeps_a_pool");
    let elsewhere = "mount -t tmpfs tmpfs /dev/shm";
    // It says that it is there in a folder that both see.
    let script = format!(
        "mount -t tmpfs tmpfs /mnt && \
         (unshare --mount sh -c '{elsewhere} && ln -s /mnt/is-there /dev/shm/is-there && exec {keeps}' & \
         echo $! > /mnt/number) && while ! test -e /mnt/is-there; do sleep 0.05; done && \
         run() {{ \"$@\"; code=$?; kill $(cat /mnt/number); exit $code; }} && run \"$@\"; true"
    );
    let report = Surroundings::well_and(&script).examined(&[]);
    report.assert_note("other processes", "--ipc=host");
}

#[test]
fn a_process_of_a_neighbour_that_shares_everything_is_well() {
    let report = beside_a_process("", "");
    assert_eq!(report.line("other processes").state, "ok");
    assert!(report.line("other processes").fact.contains("1 process"));
    assert!(report.line("shared pages").fact.contains("1 segment"));
}

#[test]
fn a_hostile_segment_and_a_hostile_account_are_named_and_break_nothing() {
    // The magic, and nothing that fits it; an account's name, with a page of noise.
    let script = "(printf 'ZPINNED\\0and then nonsense'; head -c 8192 /dev/urandom) > /dev/shm/77.zenoh && \
        chmod 600 /dev/shm/77.zenoh && (exec 9>/dev/shm/2898722817.zenoh && chmod 600 /dev/shm/2898722817.zenoh && \
        printf 'ZPINACCTand then nonsense' >&9 && flock --shared 9 && exec sleep 30) & sleep 0.2";
    let report = Surroundings::well_and(script).examined(&[]);
    report.assert_note("shared pages", "fuser -v");
    assert!(
        report
            .line("shared pages")
            .fact
            .contains("/dev/shm/77.zenoh")
    );
    assert_eq!(report.line("trial").state, "ok");
}
