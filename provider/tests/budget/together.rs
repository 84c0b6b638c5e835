//! Many processes that ask at once, each with its own limit or the default one.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use zenoh_pinned::{HostUsage, PinnedPool, PoolError, SegmentError};

use crate::{
    MEBIBYTE,
    harness::{host, worker},
    pool_of,
};

#[test]
fn what_all_processes_have_never_exceeds_the_limit_while_many_ask_at_once() {
    const SMALL_LIMIT: u64 = 12 * MEBIBYTE;
    host::alone(64, || {
        let mut grabbers: Vec<_> = (0..4)
            .map(|seed| {
                worker::orders("together::worker_grabber")
                    .with("SEED", seed.to_string())
                    .with("LIMIT", SMALL_LIMIT.to_string())
                    .start()
            })
            .collect();
        let done = AtomicBool::new(false);
        let most = std::thread::scope(|scope| {
            let observer = scope.spawn(|| observe(SMALL_LIMIT, &done));
            // The scope waits for the observer, also where a grabber has failed.
            let watched = SetWhenDropped(&done);
            let outcomes: Vec<_> = grabbers.iter_mut().map(|one| one.line("grabbed")).collect();
            drop(watched);
            println!("{outcomes:?}");
            let refused = |outcome: &String| !outcome.contains("refused 0 times");
            assert!(outcomes.iter().any(refused), "nobody asked for too much");
            observer.join().unwrap()
        });
        for grabber in &mut grabbers {
            grabber.end_without_report();
        }
        assert!(most > SMALL_LIMIT / 2, "the test asked for too little");
    });
}

struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks until `done`, and gives the most that was claimed.
fn observe(limit: u64, done: &AtomicBool) -> u64 {
    let (mut used, mut claimed, mut samples) = (0, 0, 0);
    while !done.load(Ordering::Relaxed) {
        // What the kernel has given out, whatever the pages say; besides the segments, the pages.
        used = used.max(host::used_bytes());
        // The pages are read one after the other, and bytes that one process gives back another may have by
        // then. Two readings that are the same are what was so between them.
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.unreadable_accounts, 0, "{usage:?}");
        if HostUsage::now().unwrap().processes != usage.processes {
            continue;
        }
        claimed = claimed.max(usage.memory_bytes);
        assert!(claimed <= limit, "{usage:?}");
        samples += 1;
    }
    // Each of the four has zenoh's own metadata as well, which zenoh locks and nobody bounds.
    let zenohs = 4 * (32_768 * (32 + 8) + 4096);
    assert!(used <= limit + zenohs + 8 * 4096, "{used} bytes used");
    println!("{samples} samples: at most {claimed} of {limit} bytes claimed, {used} used");
    claimed
}

#[test]
#[ignore = "a worker of another test"]
fn worker_grabber() {
    let mut random: u64 = worker::order("SEED").parse().unwrap();
    let limit: u64 = worker::order("LIMIT").parse().unwrap();
    let (mut granted, mut refused) = (0, 0);
    // While the machine does something else, all the tries of one can fall where the others have it all.
    while granted + refused < 150 || granted == 0 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // As long with a pool as without, so that no process keeps all others from theirs.
        let pause = Duration::from_micros((random >> 40) % 3000);
        match pool_of(1 + (random >> 33) % 6, limit) {
            Ok(pool) => {
                granted += 1;
                std::thread::sleep(pause);
                drop(pool);
            }
            Err(PoolError::Segment(SegmentError::OverHostBudget { .. })) => {
                refused += 1;
                std::thread::sleep(pause);
            }
            Err(other) => panic!("{other}"),
        }
    }
    println!("grabbed {granted} and was refused {refused} times");
}

#[test]
fn the_environment_sets_the_limit_of_the_host() {
    host::alone(64, || {
        for given in [(8 * MEBIBYTE).to_string(), String::from(" 8 MiB")] {
            let mut worker = worker::orders("together::worker_with_the_default_limit")
                .with("ZENOH_PINNED_HOST_BYTES", given)
                .start();
            assert_eq!(worker.line("limit"), (8 * MEBIBYTE).to_string());
            worker.end_without_report();
        }
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_the_default_limit() {
    // Eight slots of 1 MiB and a header page.
    let error = PinnedPool::builder().build().unwrap_err();
    let PoolError::Segment(SegmentError::OverHostBudget { limit_bytes, .. }) = error else {
        panic!("{error}");
    };
    println!("limit {limit_bytes}");
    PinnedPool::builder().slots(7).build().unwrap();
    assert_eq!(HostUsage::now().unwrap().limit_bytes, limit_bytes);
}
