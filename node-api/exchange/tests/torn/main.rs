//! A writer at full speed in one process, a reader in another: no record is torn, and the same harness sees the tears
//! of a protocol that has some.
//!
//! `ZENOH_PINNED_EXCHANGE_READS` says how many messages are read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod ring;
mod seed;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use harness::{name::Name, worker};

/// What a reader found.
#[derive(Debug, Default)]
struct Count {
    reads: u64,
    torn: u64,
    missed: u64,
    overrun: u64,
}

/// Reads until enough messages have been read. Without a number from outside a slow machine reads fewer, as long as it
/// has seen what it is there for.
fn read(seen: impl Fn(&Count) -> bool, mut one: impl FnMut(&mut Count)) -> Count {
    let demanded = harness::number("ZENOH_PINNED_EXCHANGE_READS");
    let limit = Instant::now() + Duration::from_secs(10);
    let mut count = Count::default();
    while count.reads < demanded.unwrap_or(3_000_000) {
        // Some thousand looks before another process may have the core: the reader is to meet the writer at work.
        (0..10_000).for_each(|_| one(&mut count));
        std::thread::yield_now();
        if demanded.is_none() && seen(&count) && Instant::now() > limit {
            break;
        }
    }
    count
}

/// In a worker: calls `write` with 1, 2, and so on, until the test closes its end.
fn write_at_full_speed(mut write: impl FnMut(u64)) {
    static ENDED: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        worker::wait_for_end();
        ENDED.store(true, Ordering::Relaxed);
    });
    println!("writes");
    let mut number = 0;
    while !ENDED.load(Ordering::Relaxed) {
        number += 1;
        write(number);
    }
    println!("wrote {number}");
}
