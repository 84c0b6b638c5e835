//! A consumer that is killed and leaves a forked child with its memory.

use zenoh::Wait;
use zenoh_pinned::QuarantineReason;

use crate::{
    KEY,
    harness::{eventually, peer, worker},
    load, pool,
    survivor::is_whole,
    victim::HELD,
};

#[test]
fn what_a_forked_child_may_still_read_comes_back_when_it_has_ended_too() {
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    if namespace.as_os_str() != "pid:[4026531836]" {
        println!("skipped: in a container the kernel hides the lock of a process that has ended");
        return;
    }
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("forked", 8);
    let mut parent = worker::orders("forked::worker_that_forks")
        .with("ENDPOINT", &endpoint)
        .start();
    let publisher = peer::publisher(&session, KEY);
    (0..HELD as u64).for_each(|sequence| load::publish(&pool, &publisher, sequence));
    let child: i32 = parent.line("child").parse().unwrap();
    let pid = parent.pid();
    parent.kill();
    let forked = QuarantineReason::Forked { pid };
    eventually("the fork is not noticed", || {
        let quarantine = pool.quarantine();
        quarantine
            .iter()
            .any(|slots| slots.reason == forked && slots.slots == HELD as u32)
    });
    // Long enough for any proof.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(pool.statistics().in_use, HELD as u32);
    // SAFETY: ends the worker's child, which does nothing but wait for that.
    assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
    eventually("the slots did not come back", || {
        pool.statistics().in_use == 0
    });
    assert_eq!(pool.statistics().reclaimed, HELD as u64);
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_forks() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    let held: Vec<_> = (0..HELD).map(|_| subscriber.recv().unwrap()).collect();
    assert!(held.iter().all(is_whole));
    // SAFETY: the child only waits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            // SAFETY: waits for a signal.
            unsafe { libc::pause() };
        }
    }
    println!("child {child}");
    worker::wait_for_end();
}
