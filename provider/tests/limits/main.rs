//! Small machines: little /dev/shm, little memory, little of it lockable, few open files, and many pools.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod cgroup;
mod many_pools;
mod open_files;
mod shared_memory;

use std::{os::unix::process::CommandExt, process::Command, time::Duration};

use harness::{eventually, frames, peer, worker};
use zenoh::Wait;
use zenoh_pinned::{
    AllocError, DevicePath, FallbackReason, Frame, FrameError, PinnedPool, Pinner, PoolError,
    QuarantineReason, SegmentError,
};

/// Orders for a worker in a mount namespace of its own, with so much in `/dev/shm`.
fn in_shared_memory_of(size: &str, name: &str) -> worker::Orders {
    let script = format!("mount -t tmpfs -o size={size} tmpfs /dev/shm && exec \"$@\"");
    let mut command = harness::host::in_mounts_of_its_own(&script);
    command.arg(std::env::current_exe().unwrap());
    worker::orders_by(command, name)
}

#[test]
fn a_shared_memory_folder_that_is_too_small_is_an_error_that_says_so() {
    let mut worker = in_shared_memory_of("16m", "worker_in_16_mebibytes").start();
    worker.line("refused cleanly");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_in_16_mebibytes() {
    let error = PinnedPool::builder()
        .slots(3)
        .slot_bytes(8 << 20)
        .build()
        .unwrap_err();
    let PoolError::Segment(SegmentError::NoSpace { total_bytes, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!(*total_bytes, 16 << 20);
    assert!(error.to_string().contains("--shm-size"), "{error}");
    println!("{error}");
    assert!(
        harness::shm::segments().is_empty(),
        "nothing is left of the attempt"
    );

    // One that fits at first and cannot grow keeps working with what it has.
    let pool = PinnedPool::builder()
        .slots(4)
        .slot_bytes(4 << 20)
        .slots_per_segment(2)
        .build()
        .unwrap();
    let mut held = vec![pool.try_alloc(1).unwrap(), pool.try_alloc(1).unwrap()];
    let error = pool.alloc_timeout(1, Duration::from_millis(5)).unwrap_err();
    assert!(
        matches!(
            error,
            AllocError::TimedOut {
                growth: Some(_),
                ..
            }
        ),
        "{error}"
    );
    held.pop();
    let mut slot = pool.try_alloc(4 << 20).unwrap();
    slot.fill(1);
    println!("refused cleanly");
}

#[test]
fn where_no_segment_can_be_made_a_pool_uses_ordinary_memory_and_says_why() {
    let hosts = [
        ("/proc", "mount -t tmpfs tmpfs /proc"),
        ("O_TMPFILE", "mount -t proc proc /dev/shm"),
        ("O_TMPFILE", "mount -t tmpfs -o ro tmpfs /dev/shm"),
    ];
    for (missing, mount) in hosts {
        let script = format!("{mount} && exec \"$@\"");
        let mut command = harness::host::in_mounts_of_its_own(&script);
        command.arg(std::env::current_exe().unwrap());
        let orders = worker::orders_by(command, "worker_without_segments");
        let mut worker = orders.with("MISSING", missing).start();
        worker.line("received all the same");
        worker.end_without_report();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_without_segments() {
    let builder = PinnedPool::builder().slots(3).slot_bytes(frames::FULL_HD);
    let error = builder.clone().build_backend().unwrap_err();
    let is_told = |reason: &FallbackReason| {
        let missing = worker::order("MISSING");
        matches!(reason, FallbackReason::NoSegments { detail } if detail.contains(&missing))
    };
    assert!(
        matches!(&error, PoolError::NoSharedMemory { reason } if is_told(reason)),
        "{error}"
    );
    println!("{error}");
    let pool = builder.build().unwrap();
    assert!(pool.reason().is_some_and(is_told), "{:?}", pool.reason());

    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let mut config = peer::listening(&peer::endpoint());
    zenoh_pinned::prepare_session(&mut config);
    let session = peer::open(config, Some(clients));
    let subscriber = session.declare_subscriber("plain").wait().unwrap();
    let publisher = peer::publisher(&session, "plain");
    let mut slot = pool.alloc(frames::FULL_HD).unwrap();
    frames::fill(&mut slot, 1);
    publisher.put(slot.into_shm()).wait().unwrap();
    let frame = Frame::from_payload(subscriber.recv().unwrap().payload(), &pinner).unwrap();
    assert!(frames::is_frame(&frame, 1));
    println!("received all the same");
    worker::wait_for_end();
    session.close().wait().unwrap();
}

/// 64 KiB of lockable memory and no CAP_IPC_LOCK, set between fork and exec.
fn with_64_kib_lockable(command: &mut Command) {
    // SAFETY: only system calls that are safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 64 << 10,
                rlim_max: 64 << 10,
            };
            const CAP_IPC_LOCK: libc::c_ulong = 14;
            libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit);
            // Out of the bounding set, so that the program does not get it back by being root's.
            libc::prctl(libc::PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
            Ok(())
        });
    }
}

#[test]
fn frames_arrive_under_64_kib_of_lockable_memory() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("worker_consumer_under_a_limit")
        .with("ENDPOINT", &endpoint)
        .change(with_64_kib_lockable)
        .start();
    consumer.line("listening");
    let mut producer = worker::orders("worker_producer_under_a_limit")
        .with("ENDPOINT", &endpoint)
        .change(with_64_kib_lockable)
        .start();
    producer.line("sent");
    assert_eq!(consumer.line("received"), "20 frames");
    producer.end_without_report();
    consumer.end_without_report();
}

fn assert_limited(reason: Option<&FallbackReason>) {
    let Some(
        reason @ FallbackReason::LockedMemoryLimit {
            limit_bytes: 0x1_0000,
            ..
        },
    ) = reason
    else {
        panic!("the limit is not in force: {reason:?}");
    };
    assert!(reason.to_string().contains("ulimit -l"), "{reason}");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_producer_under_a_limit() {
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), None);
    let publisher = peer::publisher(&session, "limited");
    let pool = PinnedPool::builder()
        .slots(3)
        .slot_bytes(frames::FULL_HD)
        .build()
        .unwrap();
    assert_limited(pool.reason());
    for sequence in 0..20 {
        let mut slot = pool.alloc(frames::FULL_HD).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    println!("sent");
    worker::wait_for_end();
    session.close().wait().unwrap();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_under_a_limit() {
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("limited").wait().unwrap();
    println!("listening");
    for sequence in 0..20 {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        assert!(frames::is_frame(&frame, sequence), "frame {sequence}");
        assert_eq!(frame.path(), DevicePath::Host);
    }
    println!("received 20 frames");
    worker::wait_for_end();
}
