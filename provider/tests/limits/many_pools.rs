//! A hundred pools of one user: all of them attached by one consumer, and gone at the end.

use std::collections::BTreeSet;

use super::*;

const POOLS: usize = 100;

/// `processes` producers with their share of the pools each, and one consumer of all.
fn all_arrive_and_nothing_is_left(processes: usize) {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("many_pools::worker_consumer_of_all_pools")
        .with("ENDPOINT", &endpoint)
        .with_driver("")
        .start();
    consumer.line("listening");
    let mut producers: Vec<_> = (0..processes)
        .map(|index| {
            worker::orders("many_pools::worker_with_many_pools")
                .with("ENDPOINT", &endpoint)
                .with("INDEX", index.to_string())
                .with("POOLS", (POOLS / processes).to_string())
                .start()
        })
        .collect();
    assert_eq!(consumer.line("different frames"), POOLS.to_string());
    let used: BTreeSet<_> = harness::shm::mapped_by(consumer.pid());
    assert!(used.len() >= POOLS, "{}", used.len());
    producers
        .iter_mut()
        .for_each(worker::Worker::end_without_report);
    let report = consumer.end();
    report.assert_clean();
    if let Some(made) = report.registrations() {
        assert!(made.len() >= POOLS, "{}", made.len());
    }
    let left: Vec<_> = used
        .intersection(&harness::shm::segments())
        .cloned()
        .collect();
    assert!(left.is_empty(), "left in /dev/shm: {left:?}");
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
}

#[test]
fn a_hundred_pools_of_one_process_are_attached_and_gone_at_the_end() {
    all_arrive_and_nothing_is_left(1);
}

#[test]
fn a_hundred_pools_of_four_processes_are_attached_and_gone_at_the_end() {
    all_arrive_and_nothing_is_left(4);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_many_pools() {
    let number = |key| worker::order(key).parse::<u64>().unwrap();
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), None);
    let publisher = peer::publisher(&session, "frames");
    let (first, count) = (number("INDEX") * number("POOLS"), number("POOLS"));
    let pools: Vec<_> = (0..count)
        .map(|_| {
            PinnedPool::builder()
                .slots(1)
                .slot_bytes(4096)
                .build()
                .unwrap()
        })
        .collect();
    for (pool, sequence) in pools.iter().zip(first..) {
        let mut slot = pool.alloc(4096).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    for pool in &pools {
        pool.drain(Duration::from_secs(60)).unwrap();
    }
    worker::wait_for_end();
    session.close().wait().unwrap();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_all_pools() {
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    let mut sequences = BTreeSet::new();
    while sequences.len() < POOLS {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        drop(sample);
        assert!(frame.is_shared());
        let device = frame.copy_to_device(&stream).unwrap();
        let bytes = stream.clone_dtoh(&device).unwrap();
        let is_whole = |sequence: &u64| frames::is_frame(&bytes, *sequence);
        sequences.insert((0..POOLS as u64).find(is_whole).expect("a whole frame"));
    }
    // Each segment is registered once its turn has come.
    eventually("registrations", || {
        pinner.statistics().registered_bytes >= POOLS as u64 * 8192
    });
    println!("different frames {}", sequences.len());
    worker::wait_for_end();
    drop(subscriber);
    session.close().wait().unwrap();
}
