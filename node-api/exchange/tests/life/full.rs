//! `/dev/shm` without room: a typed error, and nothing is left.

use std::{fs, process::Command};

use super::*;
use zenoh_pinned_exchange::CreateError;

/// A command that runs another one where `/dev/shm` is a file system of its own; `None` where that is not permitted.
fn in_a_folder_of(options: &str) -> Option<Command> {
    let script = format!("mount -t tmpfs -o {options} tmpfs /dev/shm && exec \"$@\"");
    let of_its_own = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--user", "--map-root-user", "sh", "-c", &script]);
        command.args(["sh", program]);
        command
    };
    let is_permitted = of_its_own("true")
        .output()
        .is_ok_and(|tried| tried.status.success());
    let own = std::env::current_exe().unwrap();
    is_permitted.then(|| of_its_own(own.to_str().unwrap()))
}

#[test]
fn where_there_is_no_room_nothing_is_left_of_the_attempt() {
    let Some(command) = in_a_folder_of("size=8k") else {
        println!("skipped: this process may not mount a file system of its own");
        return;
    };
    let mut worker = worker::orders_by(command, "full::worker_without_room").start();
    worker.line("done");
    worker.end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_without_room() {
    for with_reservoirs in [false, true] {
        let error = DataPlane::builder("full")
            .reservoirs(with_reservoirs)
            .create()
            .unwrap_err();
        let CreateError::NoSpace {
            needed_bytes,
            free_bytes,
            total_bytes,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((free_bytes, total_bytes), (8192, 8192), "nothing was kept");
        assert!(needed_bytes > 8192);
        assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 0);
    }
    println!("done");
    worker::wait_for_end();
}
