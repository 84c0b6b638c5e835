//! Many processes, ended in any order; and a producer that has nothing to do with CUDA.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::{frames, peer, shm, worker};
use zenoh::Wait;
use zenoh_pinned::{DevicePath, Frame, PinnedPool, Pinner};

const BYTES: usize = 100_000;
const FRAMES: u64 = 40;
const KEYS: [&str; 4] = ["camera/0", "camera/1", "camera/2", "camera/3"];

/// Two producers with a pool and two publishers each, four consumers of all of them; `ends` are the
/// order in which the six end. Producers are 0 and 1.
fn processes_that_end_in_this_order(ends: [usize; 6]) {
    let endpoints = [peer::endpoint(), peer::endpoint()];
    let producer = |index: usize| {
        worker::orders("worker_two_publishers")
            .with("ENDPOINT", &endpoints[index])
            .with("PRODUCER", index.to_string())
            .with_driver("")
            .start()
    };
    let mut workers = vec![producer(0), producer(1)];
    let mut pools: Vec<String> = workers
        .iter_mut()
        .map(|worker| worker.line("pool"))
        .collect();
    for _ in 0..4 {
        let consumer = worker::orders("worker_consumer_of_all")
            .with("ENDPOINT_0", &endpoints[0])
            .with("ENDPOINT_1", &endpoints[1])
            .with_driver("copy_delay_us=1000")
            .start();
        workers.push(consumer);
    }
    for consumer in &mut workers[2..] {
        assert_eq!(consumer.line("received"), format!("{}", 4 * FRAMES));
    }
    for producer in &mut workers[..2] {
        producer.line("drained");
        assert_eq!(
            shm::maps_naming(producer.pid(), "libcuda"),
            Vec::<String>::new()
        );
    }
    // Everything in /dev/shm that one of them has mapped: segments, and zenoh's own metadata.
    let used: BTreeSet<_> = workers
        .iter()
        .flat_map(|worker| shm::mapped_by(worker.pid()))
        .collect();
    assert!(used.len() > 4, "{used:?}");
    for index in ends {
        if index < 2 {
            workers[index].end_without_report();
        } else {
            workers[index].end().assert_clean();
        }
    }
    pools.retain(|pool| !shm::segments_of_pool(pool).is_empty());
    assert_eq!(pools, Vec::<String>::new(), "segments left");
    let left: Vec<_> = used
        .iter()
        .filter(|segment| shm::segments().contains(segment))
        .collect();
    assert!(left.is_empty(), "left in /dev/shm: {left:?}");
    endpoints
        .iter()
        .for_each(|endpoint| drop(std::fs::remove_file(peer::socket_file(endpoint))));
}

#[test]
fn nothing_is_left_when_the_producers_end_first() {
    processes_that_end_in_this_order([0, 1, 2, 3, 4, 5]);
}

#[test]
fn nothing_is_left_when_the_consumers_end_first() {
    processes_that_end_in_this_order([5, 3, 4, 2, 1, 0]);
}

#[test]
fn nothing_is_left_when_producers_and_consumers_end_in_turn() {
    processes_that_end_in_this_order([2, 0, 4, 3, 1, 5]);
}

#[test]
fn nothing_is_left_by_a_process_that_receives_its_own_frames_and_exits_with_everything_alive() {
    let mut worker = worker::orders("worker_that_receives_its_own").start();
    let pool = worker.line("pool");
    let used = shm::mapped_by(worker.pid());
    assert!(!shm::segments_of_pool(&pool).is_empty());
    worker.end_without_report();
    assert_eq!(shm::segments_of_pool(&pool), Vec::<String>::new());
    let left: Vec<_> = used
        .iter()
        .filter(|segment| shm::segments().contains(segment))
        .collect();
    assert!(left.is_empty(), "left in /dev/shm: {left:?}");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_receives_its_own() {
    let name = format!("its own {}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let pinner = Pinner::host_only();
    let endpoint = peer::endpoint();
    let producer = peer::open(peer::listening(&endpoint), None);
    let consumer = peer::open(
        peer::connecting(&endpoint),
        Some(zenoh_pinned::shm_clients(&pinner)),
    );
    let subscriber = consumer.declare_subscriber("own").wait().unwrap();
    let publisher = peer::publisher(&producer, "own");
    let received = loop {
        let slot = pool.alloc(BYTES).unwrap();
        publisher.put(slot.into_shm()).wait().unwrap();
        if let Ok(Some(sample)) = subscriber.recv_timeout(Duration::from_millis(50)) {
            break sample;
        }
    };
    let frame = Frame::from_payload(received.payload(), &pinner).unwrap();
    assert!(frame.is_shared());
    println!("pool {name}");
    worker::wait_for_end();
    std::mem::forget((frame, received, subscriber, producer, consumer, pool));
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
    std::process::exit(0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_two_publishers() {
    let producer: usize = worker::order("PRODUCER").parse().unwrap();
    let name = format!("lifecycle {}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slots(6)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(20))
        .build()
        .unwrap();
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), None);
    println!("pool {name}");
    std::thread::scope(|scope| {
        for key in &KEYS[2 * producer..2 * producer + 2] {
            let (pool, session) = (&pool, &session);
            scope.spawn(move || publish(pool, session, key));
        }
    });
    pool.drain(Duration::from_secs(60)).unwrap();
    println!("drained");
    worker::wait_for_end();
    session.close().wait().unwrap();
}

/// Publishes once all four consumers have said that they listen.
fn publish(pool: &PinnedPool, session: &zenoh::Session, key: &'static str) {
    let ready = session
        .declare_subscriber(format!("ready/{key}"))
        .wait()
        .unwrap();
    let publisher = peer::publisher(session, key);
    for _ in 0..4 {
        ready.recv().unwrap();
    }
    for sequence in 0..FRAMES {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_all() {
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let mut config = peer::connecting(&worker::order("ENDPOINT_0"));
    let endpoints = format!(
        "[\"{}\", \"{}\"]",
        worker::order("ENDPOINT_0"),
        worker::order("ENDPOINT_1")
    );
    config
        .insert_json5("connect/endpoints", &endpoints)
        .unwrap();
    let session = peer::open(config, Some(clients));
    // One queue for all four: a queue of its own for each could fill up with frames of one publisher
    // while this reads those of another, and hold every slot of the pool that they share.
    let subscriber = session.declare_subscriber("camera/*").wait().unwrap();
    for key in KEYS {
        // A publisher that matches has been told of the subscription declared before.
        peer::publisher(&session, &format!("ready/{key}"))
            .put("")
            .wait()
            .unwrap();
    }
    let mut next = BTreeMap::from(KEYS.map(|key| (key, 0)));
    for _ in 0..4 * FRAMES {
        let sample = subscriber.recv().unwrap();
        let sequence = next.get_mut(sample.key_expr().as_str()).unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        let device = frame.copy_to_device(&stream).unwrap();
        assert_ne!(frame.path(), DevicePath::Host);
        assert!(
            frames::is_on_device(&stream, &device, *sequence),
            "{sample:?}"
        );
        *sequence += 1;
    }
    let received: u64 = next.values().sum();
    println!("received {received}");
    worker::wait_for_end();
    drop(subscriber);
    session.close().wait().unwrap();
}

#[test]
fn a_forked_child_releases_nothing_of_its_parents() {
    let pool = PinnedPool::builder()
        .name("forked")
        .slots(1)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let pinner = Pinner::host_only();
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, 1);
    let frame = Frame::from_payload(&slot.into_shm(), &pinner).unwrap();
    // SAFETY: the child only drops values whose code knows of forks, and ends without exit handlers.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop((frame, pinner, pool));
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child of this test.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(
        pool.try_alloc(BYTES).is_err(),
        "the parent's frame still holds the slot"
    );
    assert!(frames::is_frame(&frame, 1));
    assert_eq!(shm::segments_of_pool("forked").len(), 1);
    drop(frame);
    pool.try_alloc(BYTES).unwrap();
}

#[test]
fn a_producer_that_asks_for_no_registration_opens_no_cuda_library_though_there_is_one() {
    let endpoint = peer::endpoint();
    let mut producer = worker::orders("worker_plain_producer")
        .with("ENDPOINT", &endpoint)
        .with_driver("")
        .start();
    producer.line("listening");
    let pinner = Pinner::host_only();
    let session = peer::open(
        peer::connecting(&endpoint),
        Some(zenoh_pinned::shm_clients(&pinner)),
    );
    let subscriber = session.declare_subscriber("plain").wait().unwrap();
    for sequence in 0..10 {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        assert!(frame.is_shared() && frames::is_frame(&frame, sequence));
    }
    producer.line("sent");
    assert_eq!(
        shm::maps_naming(producer.pid(), "libcuda"),
        Vec::<String>::new()
    );
    assert!(
        shm::maps_naming(std::process::id(), "libcuda").is_empty(),
        "nor does a host-only consumer"
    );
    producer.end_without_report();
    assert!(!producer.has_report(), "the driver was started");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_plain_producer() {
    let pool = PinnedPool::builder()
        .slots(3)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), None);
    println!("listening");
    let publisher = peer::publisher(&session, "plain");
    for sequence in 0..10 {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    pool.drain(Duration::from_secs(60)).unwrap();
    println!("sent");
    worker::wait_for_end();
}
