//! `/dev/shm` without room: a typed error, and nothing is left.

use std::fs;

use super::*;
use zenoh_pinned_exchange::CreateError;

#[test]
fn where_there_is_no_room_nothing_is_left_of_the_attempt() {
    let own = std::env::current_exe().unwrap();
    let Some(command) = harness::mounts::in_shared_memory_of("size=8k", &own) else {
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
