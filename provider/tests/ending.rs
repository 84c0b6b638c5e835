//! What was sent last arrives, however the producer ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{frames, peer, shm, worker};
use zenoh::Wait;
use zenoh_pinned::PinnedPool;

const BYTES: usize = 100_000;
const FRAMES: u64 = 3;
const TIMES: usize = 5;

/// Producers that end right after their last frame, one after the other, and one unmodified consumer that
/// attaches each one's memory for the first time when that frame is on its way.
fn the_last_frames_arrive_from_a_producer_that(ends: &str) {
    let endpoint = peer::endpoint();
    let session = zenoh::open(peer::listening(&endpoint)).wait().unwrap();
    let subscriber = session.declare_subscriber("last").wait().unwrap();
    for round in 0..TIMES {
        let mut producer = worker::orders("worker_that_ends")
            .with("ENDPOINT", &endpoint)
            .with("ENDS", ends)
            .start();
        producer.close_input();
        producer.line("sent");
        let pool = producer.line("pool");
        producer.end_without_report();
        for sequence in 0..FRAMES {
            let sample = subscriber
                .recv_timeout(std::time::Duration::from_secs(10))
                .unwrap()
                .unwrap_or_else(|| panic!("frame {sequence} of producer {round} is lost"));
            assert!(sample.payload().as_shm().is_some());
            assert!(frames::is_frame(&sample.payload().to_bytes(), sequence));
        }
        // The file stays while this process has it attached, and zenoh never lets go of one.
        assert!(shm::segments_of_pool(&pool).len() <= 1);
    }
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
fn the_last_frames_arrive_from_a_producer_that_drops_everything_at_once() {
    the_last_frames_arrive_from_a_producer_that("drops everything");
}

#[test]
fn the_last_frames_arrive_from_a_producer_that_drops_the_session_first() {
    the_last_frames_arrive_from_a_producer_that("drops the session first");
}

#[test]
fn the_last_frames_arrive_from_a_producer_that_exits_with_everything_alive() {
    the_last_frames_arrive_from_a_producer_that("exits");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_ends() {
    let name = format!("ending {}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slots(FRAMES as u32)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), None);
    let publisher = peer::publisher(&session, "last");
    println!("sent");
    println!("pool {name}");
    let slots: Vec<_> = (0..FRAMES)
        .map(|sequence| {
            let mut slot = pool.alloc(BYTES).unwrap();
            frames::fill(&mut slot, sequence);
            slot
        })
        .collect();
    for slot in slots {
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    match worker::order("ENDS").as_str() {
        "drops everything" => drop((pool, publisher, session)),
        "drops the session first" => {
            drop(publisher);
            drop(session);
            drop(pool);
        }
        _ => std::mem::forget((pool, publisher, session)),
    }
    std::process::exit(0);
}

#[test]
fn a_pool_that_goes_behind_the_exit_handler_holds_up_nobody() {
    let mut worker = worker::orders("worker_whose_pool_goes_last").start();
    worker.line("sent");
    worker.end_without_report();
}

static LAST: std::sync::Mutex<Option<(PinnedPool, zenoh::bytes::ZBytes)>> =
    std::sync::Mutex::new(None);

extern "C" fn drop_the_pool() {
    let (pool, frame) = LAST.lock().unwrap().take().unwrap();
    drop(pool);
    std::mem::forget(frame);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_whose_pool_goes_last() {
    // Registered before all of the library's and zenoh's handlers, so run after them.
    // SAFETY: a plain function, which stays loaded.
    unsafe { libc::atexit(drop_the_pool) };
    let pool = PinnedPool::builder().slot_bytes(BYTES).build().unwrap();
    let frame = pool.alloc(BYTES).unwrap().into_shm();
    *LAST.lock().unwrap() = Some((pool, frame));
    println!("sent");
    worker::wait_for_end();
    std::process::exit(0);
}
