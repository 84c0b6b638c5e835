//! Shares of processes that stop, are killed, or exit.

use zenoh_pinned::{HostUsage, Pressure};

use crate::{
    LIMIT, MEBIBYTE,
    harness::{eventually, host, shm, worker},
    holder, pool_of, refused,
};

#[test]
fn a_stopped_process_keeps_its_share_and_a_killed_one_loses_it_with_its_lock() {
    host::alone(256, || {
        let mut other = holder(64);
        let text = refused(48);
        let pid = format!("(pid {}) 64.0 MiB", other.pid());
        assert!(text.contains(&pid), "{text}");
        assert!(text.contains("ZENOH_PINNED_HOST_BYTES"), "{text}");

        host::stop(&other);
        refused(48);
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.memory_bytes, 64 * MEBIBYTE);
        assert_eq!(usage.processes[0].pid, other.pid());
        // Requests that fit are not held up by it.
        let small = pool_of(8, LIMIT).unwrap();
        assert_eq!(small.statistics().pressure, Pressure::High);

        other.kill();
        let pool = pool_of(48, LIMIT).unwrap();
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.memory_bytes, 56 * MEBIBYTE);
        assert_eq!(host::accounts().len(), 1, "the dead one's was unlinked");
        drop((small, pool));
        assert_eq!(host::accounts().len(), 0);
        host::sweep_as_zenoh();
    });
}

#[test]
fn no_exit_leaves_an_account_page() {
    host::alone(256, || {
        for way in ["drop", "exit", "exit while asking", "forked child"] {
            let mut worker = worker::orders("ends::worker_that_exits")
                .with("WAY", way)
                .start();
            worker.line("has a page");
            assert!(!host::accounts().is_empty());
            worker.end_without_report();
            assert!(shm::segments().is_empty(), "{way}: {:?}", shm::segments());
        }
        let mut worker = holder(8);
        host::signal(&worker, libc::SIGTERM);
        worker.kill();
        assert_eq!(host::accounts().len(), 1, "nobody was told");
        host::sweep_as_zenoh();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_exits() {
    let way = worker::order("WAY");
    let pool = pool_of(1, LIMIT).unwrap();
    println!("has a page");
    match way.as_str() {
        "drop" => {
            worker::wait_for_end();
            drop(pool);
            // A moment later where a background thread is just looking at the pool.
            eventually("gone with the last byte", || host::accounts().is_empty());
            return;
        }
        "exit while asking" => {
            std::mem::forget(pool);
            std::thread::spawn(|| {
                loop {
                    drop(pool_of(1, LIMIT));
                }
            });
            worker::wait_for_end();
        }
        "forked child" => {
            // SAFETY: the child runs code that is to work in a forked child, which is what is tested.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // Its pool is ordinary memory, because zenoh's metadata is its parent's; the page there is, too.
                std::mem::forget((pool, pool_of(1, LIMIT).unwrap()));
                let pages = HostUsage::now().map_or(0, |usage| usage.processes.len());
                std::process::exit(if pages == 1 { 0 } else { 1 });
            }
            let mut status = 0;
            // SAFETY: waits for the child made above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
            assert_eq!(
                host::accounts().len(),
                1,
                "the parent's stays, the child's went"
            );
            host::sweep_as_zenoh();
            drop(pool);
            worker::wait_for_end();
        }
        _ => {
            std::mem::forget(pool);
            worker::wait_for_end();
        }
    }
    std::process::exit(0);
}
