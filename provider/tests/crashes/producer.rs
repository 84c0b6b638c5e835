//! Producers that are killed: what consumers hold stays readable, and another producer serves them.

use std::{collections::BTreeSet, time::Duration};

use zenoh::{Wait, sample::Sample};
use zenoh_pinned::{DevicePath, Frame, Pinner};

use crate::{
    BYTES, KEY,
    harness::{eventually, frames, peer, shm, worker},
    load, pool,
    survivor::is_whole,
};

const FRAMES: u64 = 3;

#[test]
fn consumers_keep_what_a_killed_producer_sent_and_are_served_by_the_next_one() {
    let endpoints = [peer::endpoint(), peer::endpoint()];
    let mut copying = worker::orders("producer::worker_that_copies_and_keeps")
        .with("ENDPOINT", &endpoints[0])
        .with_driver("copy_delay_us=300000")
        .start();
    let mut unmodified = worker::orders("producer::worker_that_keeps")
        .with("ENDPOINT", &endpoints[1])
        .start();
    copying.line("listening");
    unmodified.line("listening");
    let mut used = BTreeSet::new();
    let endings = ["mid-write", "written", "copying", "alive"];
    for (round, ending) in (0..).zip(endings) {
        let mut producer = worker::orders("producer::worker_that_publishes")
            .with("ENDPOINT_0", &endpoints[0])
            .with("ENDPOINT_1", &endpoints[1])
            .with("ENDING", ending)
            .with("FIRST", (round * FRAMES).to_string())
            .start();
        for sequence in round * FRAMES..(round + 1) * FRAMES {
            copying.line(&format!("received {sequence}"));
            unmodified.line(&format!("received {sequence}"));
        }
        producer.line(ending);
        for pid in [producer.pid(), copying.pid(), unmodified.pid()] {
            used.extend(shm::mapped_by(pid));
        }
        if ending == "alive" {
            producer.end_without_report();
        } else {
            producer.kill();
        }
    }
    let all = format!("{} whole", 4 * FRAMES);
    // Unmodified zenoh leaves its own metadata behind; the next zenoh process to start or end removes it.
    unmodified.close_input();
    assert_eq!(unmodified.line("kept"), all);
    unmodified.end_without_report();
    copying.close_input();
    assert_eq!(copying.line("kept"), all);
    copying.end().assert_clean();
    let left: Vec<_> = used
        .iter()
        .filter(|segment| shm::segments().contains(segment))
        .collect();
    assert!(left.is_empty(), "left in /dev/shm: {left:?}");
    for endpoint in &endpoints {
        drop(std::fs::remove_file(peer::socket_file(endpoint)));
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_publishes() {
    let mut config = peer::connecting(&worker::order("ENDPOINT_0"));
    let both = format!(
        "[\"{}\", \"{}\"]",
        worker::order("ENDPOINT_0"),
        worker::order("ENDPOINT_1")
    );
    config.insert_json5("connect/endpoints", &both).unwrap();
    let session = peer::open(config, None);
    let publisher = peer::publisher(&session, KEY);
    // Both consumers have to be there before the first frame.
    eventually("two consumers", || {
        session.info().peers_zid().wait().count() == 2
    });
    std::thread::sleep(Duration::from_millis(200));
    let pool = pool("killed", 8);
    let first: u64 = worker::order("FIRST").parse().unwrap();
    (first..first + FRAMES).for_each(|sequence| load::publish(&pool, &publisher, sequence));
    let ending = worker::order("ENDING");
    let mut slot = pool.alloc(BYTES).unwrap();
    let written = if ending == "written" {
        BYTES
    } else {
        BYTES / 2
    };
    frames::fill(&mut slot[..written], 99);
    println!("{ending}");
    worker::wait_for_end();
    drop(slot);
    pool.drain(Duration::from_millis(1)).unwrap_err();
}

fn announce(sample: &Sample) {
    let sequence = sample.attachment().unwrap().to_bytes();
    let sequence = u64::from_le_bytes(sequence.as_ref().try_into().unwrap());
    println!("received {sequence}");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_keeps() {
    let session = zenoh::open(peer::listening(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    println!("listening");
    let mut kept = Vec::new();
    for _ in 0..4 * FRAMES {
        let sample = subscriber.recv().unwrap();
        assert!(sample.payload().as_shm().is_some());
        announce(&sample);
        kept.push(sample);
    }
    worker::wait_for_end();
    let whole = kept.iter().filter(|sample| is_whole(sample)).count();
    println!("kept {whole} whole");
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_copies_and_keeps() {
    let pinner = Pinner::builder().device(0).staging(1, BYTES).build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let session = peer::open(
        peer::listening(&worker::order("ENDPOINT")),
        Some(zenoh_pinned::shm_clients(&pinner)),
    );
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    println!("listening");
    let mut kept = Vec::new();
    for _ in 0..4 * FRAMES {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        eventually("the segment is registered", || {
            frame.registered_address().is_ok()
        });
        assert_eq!(frame.path(), DevicePath::Direct);
        // The copy runs late, when its producer may be dead; the frame itself is not kept.
        let device = frame.copy_to_device(&stream).unwrap();
        announce(&sample);
        let sequence = sample.attachment().unwrap().to_bytes().into_owned();
        kept.push((u64::from_le_bytes(sequence.try_into().unwrap()), device));
    }
    worker::wait_for_end();
    let whole = kept
        .iter()
        .filter(|(sequence, device)| frames::is_on_device(&stream, device, *sequence))
        .count();
    println!("kept {whole} whole");
    drop(kept);
    drop(subscriber);
    session.close().wait().unwrap();
}
