//! What all processes of a host hold together: never more than the limit, whoever dies, stops or lies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    io::{Read, Seek, Write},
    os::fd::AsRawFd,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use harness::{
    eventually, host, shm,
    worker::{self, Worker},
};
use zenoh_pinned::{
    FallbackReason, Frame, HostUsage, PinnedPool, Pinner, PoolError, Pressure, SegmentError,
};

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

#[test]
fn what_all_processes_have_never_exceeds_the_limit_while_many_ask_at_once() {
    const SMALL_LIMIT: u64 = 12 * MEBIBYTE;
    host::alone(64, || {
        let mut grabbers: Vec<_> = (0..4)
            .map(|seed| {
                worker::orders("worker_grabber")
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
        let mut worker = worker::orders("worker_with_the_default_limit")
            .with("ZENOH_PINNED_HOST_BYTES", (8 * MEBIBYTE).to_string())
            .start();
        assert_eq!(worker.line("limit"), (8 * MEBIBYTE).to_string());
        worker.end_without_report();
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

#[test]
fn registrations_of_all_processes_count_each_where_it_is_made() {
    host::alone(256, || {
        // Each wants 16 MiB registered; the third is refused, with the numbers of all.
        let start = |said: &str| {
            let mut worker = worker::orders("worker_registering").with_driver("").start();
            assert_eq!(worker.line("registered"), said);
            worker
        };
        let mut first = start("16777216, None");
        let mut second = start("16777216, None");
        let mut third = start(
            "0, Some(OverBudget { scope: Host, needed_bytes: 16777216, used_bytes: 33554432, \
             limit_bytes: 41943040 })",
        );
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.registered_bytes, 32 * MEBIBYTE);
        assert_eq!(usage.memory_bytes, 48 * MEBIBYTE);
        assert_eq!(usage.processes.len(), 3, "{usage:?}");
        first.end().assert_clean();
        third.line("direct at last");
        second.end().assert_clean();
        third.end().assert_clean();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_registering() {
    let pinner = Pinner::builder()
        .device(0)
        .staging(0, 0)
        .max_host_bytes(40 * MEBIBYTE)
        .build();
    let pool = pool_of(16, 256 * MEBIBYTE).unwrap();
    let payload = pool.alloc(1000).unwrap().into_shm();
    let reason = || Frame::from_payload(&payload, &pinner).unwrap().reason();
    eventually("an answer", || {
        reason() != Some(FallbackReason::RegistrationPending)
    });
    let registered_bytes = pinner.statistics().registered_bytes;
    println!("registered {registered_bytes}, {:?}", reason());
    eventually("registration", || reason().is_none());
    println!("direct at last");
    worker::wait_for_end();
}

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

fn open(page: &Path) -> std::fs::File {
    let mut options = std::fs::File::options();
    options.read(true).write(true).open(page).unwrap()
}

type Attack = fn(&Path);

/// What a process of the same user can do to another's page.
fn attacks() -> Vec<(&'static str, Attack)> {
    fn overwrite(page: &Path, bytes: &[u8]) {
        open(page).write_all(bytes).unwrap();
    }
    vec![
        ("zeros", |page| overwrite(page, &[0; 4096])),
        ("ones", |page| overwrite(page, &[0xff; 4096])),
        ("a bit", |page| {
            let mut file = open(page);
            let mut bytes = [0; 128];
            file.read_exact(&mut bytes).unwrap();
            bytes[27] ^= 4;
            file.rewind().unwrap();
            file.write_all(&bytes).unwrap();
        }),
        ("cut", |page| open(page).set_len(0).unwrap()),
        ("cut in the middle", |page| open(page).set_len(50).unwrap()),
    ]
}

#[test]
fn a_scribbled_page_hides_nothing_and_its_owner_puts_it_right() {
    host::alone(256, || {
        let mut other = holder(64);
        let page = host::accounts().pop().unwrap();
        for (name, attack) in attacks() {
            let before = std::fs::read(&page).unwrap();
            // Stopped, its owner can put nothing right.
            host::stop(&other);
            attack(&page);
            let usage = HostUsage::now().unwrap();
            assert_eq!(usage.unreadable_accounts, 1, "{name}: {usage:?}");
            assert!(usage.memory_bytes >= 64 * MEBIBYTE, "{name}: {usage:?}");
            let text = refused(48);
            assert!(text.contains("1 accounts are unreadable"), "{text}");
            // What is left is still given.
            drop(pool_of(8, LIMIT).unwrap());
            host::signal(&other, libc::SIGCONT);
            eventually(name, || {
                std::fs::read(&page).unwrap().starts_with(&before[..128])
            });
            assert_eq!(HostUsage::now().unwrap().unreadable_accounts, 0);
            refused(48);
        }
        std::fs::remove_file(page).unwrap();
        eventually("a new page", || {
            HostUsage::now().unwrap().memory_bytes == 64 * MEBIBYTE
        });
        refused(48);
        other.end_without_report();
        drop(pool_of(80, LIMIT).unwrap());
    });
}

#[test]
fn a_page_of_nonsense_takes_no_more_than_its_process_has_and_ends_with_it() {
    host::alone(256, || {
        let _own = pool_of(8, LIMIT).unwrap();
        let mut liars = ["ours", "random"].map(|kind| {
            let mut liar = worker::orders("worker_liar").with("KIND", kind).start();
            liar.line("lies");
            liar
        });
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.unreadable_accounts, 1, "{usage:?}");
        // The copy of this process's page cannot be told from an honest one.
        assert_eq!(usage.processes.len(), 2, "{usage:?}");
        drop(pool_of(16, LIMIT).unwrap());
        liars.iter_mut().for_each(Worker::kill);
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.memory_bytes, 8 * MEBIBYTE);
        host::sweep_as_zenoh();
        assert_eq!(host::accounts().len(), 1);
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_liar() {
    let (name, contents) = match worker::order("KIND").as_str() {
        "ours" => {
            let honest = host::accounts().pop().unwrap();
            (0xACC7_FFFF_u32, std::fs::read(honest).unwrap())
        }
        _ => (
            0xACC7_FFFE,
            (0..4096_u32).map(|at| (at * 7) as u8).collect(),
        ),
    };
    let path = format!("/dev/shm/{name}.zenoh");
    std::fs::write(&path, contents).unwrap();
    let file = open(Path::new(&path));
    // SAFETY: locks of a descriptor that is open; the structure lives until the call returns.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_RDLCK as libc::c_short;
        lock.l_len = 1;
        assert_eq!(libc::flock(file.as_raw_fd(), libc::LOCK_SH), 0);
        let locked = libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock);
        assert_eq!(locked, 0);
    }
    println!("lies");
    worker::wait_for_end();
}

#[test]
fn no_exit_leaves_an_account_page() {
    host::alone(256, || {
        for way in ["drop", "exit", "exit while asking", "forked child"] {
            let mut worker = worker::orders("worker_that_exits").with("WAY", way).start();
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
            assert!(host::accounts().is_empty(), "gone with the last byte");
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
            // SAFETY: no other thread of this process holds a lock of the library: the keeper sleeps, and
            // the child runs the same code as a process of its own would.
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
