//! A publisher in a process of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::worker::{self, Worker};

use super::*;

/// Starts one with a line to the inbox there.
pub fn start(address: InboxAddress, slots: u32) -> Worker {
    let mut publisher = worker::orders("publisher::worker_that_publishes")
        .with("ADDRESS", address.to_string())
        .with("SLOTS", slots.to_string())
        .start();
    publisher.line("open");
    publisher
}

/// Has it put frames `0 .. frames`.
pub fn put_all(publisher: &mut Worker, frames: u64) {
    publisher.tell(&format!("put {frames}"));
    publisher.line("has put");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_publishes() {
    let address = worker::order("ADDRESS").parse().unwrap();
    let pool = pool(worker::order("SLOTS").parse().unwrap());
    let mut line = Some(open(address));
    println!("open");
    for order in worker::told() {
        match order.split_once(' ') {
            Some(("put", frames)) => {
                for sequence in 0..frames.parse().unwrap() {
                    assert_eq!(put(line.as_ref().unwrap(), &pool, sequence), Ok(true));
                }
                println!("has put");
            }
            Some(("exit", how)) => {
                match how {
                    "with everything" => std::mem::forget((line, pool)),
                    "without its line" => drop((line.take(), std::mem::ManuallyDrop::new(pool))),
                    "without its pool" => drop((pool, std::mem::ManuallyDrop::new(line))),
                    _ => drop((line, pool)),
                }
                std::process::exit(0);
            }
            _ => {
                fork_and_drop(line.take().unwrap(), pool.clone());
                println!("has forked");
            }
        }
    }
}

/// A child drops all of it and exits with its handlers; the parent keeps its own.
fn fork_and_drop(line: Line, pool: PinnedPool) {
    // SAFETY: the child runs code that is to work in a forked child.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop((line, pool))));
        // SAFETY: ends the child.
        unsafe { libc::exit(i32::from(dropped.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for the child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
    std::mem::forget(line);
}
