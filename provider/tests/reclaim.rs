//! What dead consumers held comes back, what living ones hold never does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::{Duration, Instant};

use harness::{eventually, frames, peer, worker};
use zenoh::Wait;
use zenoh_pinned::PinnedPool;

const BYTES: usize = 100_000;

fn pool(name: &str) -> PinnedPool {
    PinnedPool::builder()
        .name(name)
        .slots(8)
        .slot_bytes(BYTES)
        .build()
        .unwrap()
}

#[test]
fn what_a_killed_consumer_held_comes_back() {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("killed");
    for _ in 0..3 {
        let mut consumer = worker::orders("worker_that_holds_three").with("ENDPOINT", &endpoint).start();
        let publisher = peer::publisher(&session, "frames");
        for sequence in 0..3 {
            let mut slot = pool.alloc(BYTES).unwrap();
            frames::fill(&mut slot, sequence);
            publisher.put(slot.into_shm()).wait().unwrap();
        }
        consumer.line("holds");
        assert_eq!(pool.statistics().in_use, 3);
        consumer.kill();
        let killed = Instant::now();
        eventually("its slots", || pool.statistics().in_use == 0);
        println!("{:?} {:?}", killed.elapsed(), pool.statistics());
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_holds_three() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    let held: Vec<_> = (0..3).map(|_| subscriber.recv().unwrap()).collect();
    println!("holds {}", held.len());
    worker::wait_for_end();
}
