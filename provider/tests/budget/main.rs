//! What all processes of a host hold together: never more than the limit, whoever dies, stops or lies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod ends;
mod lies;
mod registrations;
mod together;

use harness::worker::{self, Worker};
use zenoh_pinned::{PinnedPool, PoolError, SegmentError};

const MEBIBYTE: u64 = 1 << 20;
/// The limit of the host in most of these tests.
const LIMIT: u64 = 96 * MEBIBYTE;

fn pool_of(mebibytes: u64, limit: u64) -> Result<PinnedPool, PoolError> {
    PinnedPool::builder()
        .slots(1)
        .slot_bytes((mebibytes * MEBIBYTE) as usize - 4096)
        .max_host_bytes(limit)
        .build()
}

/// The words of a refusal by the host's budget; anything else fails the test.
fn refused(mebibytes: u64) -> String {
    match pool_of(mebibytes, LIMIT) {
        Err(PoolError::Segment(error @ SegmentError::OverHostBudget { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn holder(mebibytes: u64) -> Worker {
    let mut worker = worker::orders("worker_holder")
        .with("MEBIBYTES", mebibytes.to_string())
        .start();
    worker.line("holds");
    worker
}

#[test]
#[ignore = "a worker of another test"]
fn worker_holder() {
    let _pool = pool_of(worker::order("MEBIBYTES").parse().unwrap(), LIMIT).unwrap();
    println!("holds");
    worker::wait_for_end();
}
