//! Who has the slots of a full pool: this process, or which consumers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::Duration;

use harness::{eventually, frames, peer, worker};
use zenoh::Wait;
use zenoh_pinned::{AllocError, Frame, Holders, PinnedPool, Pinner};

const BYTES: usize = 64 << 10;

fn pool() -> PinnedPool {
    PinnedPool::builder()
        .name("holders")
        .slots(3)
        .slot_bytes(BYTES)
        .build()
        .unwrap()
}

/// Who has the slots by the error of an allocation, what it says, and what a drain says.
fn refused(pool: &PinnedPool) -> (Holders, String, String) {
    let error = pool.alloc_timeout(1, Duration::from_millis(5)).unwrap_err();
    let still_held = pool.drain(Duration::ZERO).unwrap_err();
    let text = error.to_string();
    let AllocError::TimedOut { holders, .. } = error else {
        panic!("{text}");
    };
    assert_eq!(still_held.holders, *holders);
    (*holders, text, still_held.to_string())
}

#[test]
fn a_pool_that_its_own_process_has_filled_blames_no_consumer() {
    let pool = pool();
    let mut held: Vec<_> = (0..3).map(|_| pool.alloc(BYTES).unwrap()).collect();
    let (holders, full, held_still) = refused(&pool);
    assert_eq!((holders.unsent, holders.read_here, holders.sent), (3, 0, 0));
    for text in [full, held_still] {
        assert!(
            text.contains("3 unsent in this process") && !text.contains("consumer"),
            "{text}"
        );
    }
    // Sent to nobody, and shown to whoever wrote it.
    let kept = held.pop().unwrap().into_kept();
    assert_eq!(kept.payload().len(), BYTES);
    // Kept without saying so.
    let payload = held.pop().unwrap().into_shm();
    let (holders, text, _) = refused(&pool);
    assert_eq!((holders.unsent, holders.read_here, holders.sent), (1, 1, 1));
    assert!(
        text.contains("1 sent and still read in this process"),
        "{text}"
    );
    assert!(text.contains("no other process has"), "{text}");
    drop((held, kept, payload));
    assert_eq!(pool.holders(), Holders::default());
    pool.drain(Duration::ZERO).unwrap();
}

#[test]
fn frames_that_a_subscriber_of_the_same_process_keeps_are_this_processs() {
    let pool = pool();
    let pinner = Pinner::host_only();
    let session = peer::open(peer::listening(&peer::endpoint()), None);
    let subscriber = session.declare_subscriber("own").wait().unwrap();
    let publisher = peer::publisher(&session, "own");
    let kept: Vec<_> = (0..3)
        .map(|sequence| {
            let mut slot = pool.alloc(BYTES).unwrap();
            frames::fill(&mut slot, sequence);
            publisher.put(slot.into_shm()).wait().unwrap();
            Frame::from_payload(subscriber.recv().unwrap().payload(), &pinner).unwrap()
        })
        .collect();
    let again = kept[0].for_pinner(&pinner).unwrap();
    let (holders, text, _) = refused(&pool);
    assert_eq!((holders.unsent, holders.read_here, holders.sent), (0, 3, 0));
    assert!(!text.contains("consumer"), "{text}");
    drop(kept);
    assert_eq!(pool.holders().read_here, 1, "one frame is left of two");
    drop(again);
    assert_eq!(pool.holders(), Holders::default());
}

#[test]
fn consumers_that_hold_slots_are_named_with_their_pids() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("worker_that_keeps_frames")
        .with("ENDPOINT", &endpoint)
        .start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "kept");
    let pool = pool();
    let _unsent = pool.alloc(BYTES).unwrap();
    for sequence in 0..2 {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
        consumer.line("kept");
    }
    let (holders, text, _) = refused(&pool);
    assert_eq!((holders.unsent, holders.read_here, holders.sent), (1, 0, 2));
    let pids: Vec<_> = holders
        .attached
        .iter()
        .flatten()
        .map(|(pid, _)| *pid)
        .collect();
    assert_eq!(pids, [consumer.pid()]);
    let named = format!("(pid {})", consumer.pid());
    assert!(
        text.contains("2 with consumers") && text.contains(&named),
        "{text}"
    );
    consumer.end_without_report();
    eventually("the slots are back", || pool.holders().sent == 0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_keeps_frames() {
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("kept").wait().unwrap();
    println!("listening");
    let mut kept = Vec::new();
    for _ in 0..2 {
        let sample = subscriber.recv().unwrap();
        kept.push(Frame::from_payload(sample.payload(), &pinner).unwrap());
        println!("kept");
    }
    worker::wait_for_end();
}
