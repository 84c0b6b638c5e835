//! A producer, a consumer and a process that only attaches, each told line by line what to do.

use std::time::Duration;

use zenoh::{Wait, shm::ShmClient};
use zenoh_pinned::{FallbackReason, Frame, PinnedHostShmClient, PinnedPool, Pinner, shm_clients};

use crate::harness::{
    attack::Segment,
    eventually, frames, peer,
    worker::{self, Worker},
};

pub const SLOT_BYTES: usize = 64 << 10;
pub const SLOTS: u32 = 3;

/// A producer in a process of its own, and its segment.
pub fn producer(endpoint: &str) -> (Worker, Segment) {
    let mut producer = worker::orders("victims::worker_that_publishes")
        .with("ENDPOINT", endpoint)
        .start();
    let segment = Segment::of_pool(&producer.line("pool "));
    (producer, segment)
}

/// A producer and a consumer that has received its first frame.
pub fn stream() -> (Worker, Worker, Segment, String) {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let mut consumer = worker::orders("victims::worker_that_receives")
        .with("ENDPOINT", &endpoint)
        .start();
    assert_eq!(send(&mut producer, 0), "ok");
    assert_eq!(receive(&mut consumer), "frame 0");
    (producer, consumer, segment, endpoint)
}

pub fn send(producer: &mut Worker, sequence: u64) -> String {
    ask(producer, &format!("send {sequence}"))
}

pub fn receive(consumer: &mut Worker) -> String {
    ask(consumer, "receive")
}

pub fn ask(worker: &mut Worker, what: &str) -> String {
    worker.tell(what);
    worker.line("answer ")
}

/// More frames than there are slots arrive whole, and everybody ends well.
pub fn assert_flows(producer: &mut Worker, consumer: &mut Worker) {
    for sequence in 1..10 {
        assert_eq!(ask(consumer, "drop"), "dropped");
        assert_eq!(send(producer, sequence), "ok");
        assert_eq!(receive(consumer), format!("frame {sequence}"));
    }
    end(producer, consumer);
}

pub fn end(producer: &mut Worker, consumer: &mut Worker) {
    consumer.end_without_report();
    producer.end_without_report();
}

pub fn forget(endpoint: &str) {
    let _ = std::fs::remove_file(peer::socket_file(endpoint));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_publishes() {
    let name = format!("attacked {}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slots(SLOTS)
        .slot_bytes(SLOT_BYTES)
        .wait(Duration::from_secs(2))
        .build()
        .unwrap();
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), None);
    println!("pool {name}");
    let publisher = session.declare_publisher("frames").wait().unwrap();
    for order in worker::told() {
        let answer = match order.split_once(' ') {
            Some(("send", sequence)) => {
                eventually("no subscriber came", || {
                    publisher.matching_status().wait().unwrap().matching()
                });
                match pool.alloc(SLOT_BYTES) {
                    Ok(mut slot) => {
                        frames::fill(&mut slot, sequence.parse().unwrap());
                        publisher.put(slot.into_shm()).wait().unwrap();
                        String::from("ok")
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            _ => {
                let statistics = pool.statistics();
                format!(
                    "in use {}, rejected {}",
                    statistics.in_use, statistics.rejected_releases
                )
            }
        };
        println!("answer {answer}");
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_receives() {
    let device = std::env::var_os("DEVICE").is_some();
    let pinner = match device {
        true => Pinner::builder().device(0).build(),
        false => Pinner::host_only(),
    };
    let clients = match std::env::var_os("STOCK").is_some() {
        true => None,
        false => Some(shm_clients(&pinner)),
    };
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), clients);
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    let (mut taken, mut held) = (None, None);
    for order in worker::told() {
        let answer = match order.as_str() {
            "receive" => {
                let patience = Duration::from_secs(3);
                match subscriber.recv_timeout(patience).unwrap() {
                    None => String::from("nothing"),
                    Some(sample) => match Frame::from_payload(sample.payload(), &pinner) {
                        Err(error) => format!("{error:?}"),
                        Ok(frame) => {
                            let answer = describe(&frame);
                            held = Some(frame);
                            answer
                        }
                    },
                }
            }
            "take" => {
                taken = Some(subscriber.recv().unwrap());
                String::from("taken")
            }
            "look" => {
                let sample = taken.take().unwrap();
                held = Some(Frame::from_payload(sample.payload(), &pinner).unwrap());
                String::from("held")
            }
            "read" => describe(held.as_ref().unwrap()),
            "settle" => {
                let frame = held.as_ref().unwrap();
                let pending = || frame.reason() == Some(FallbackReason::RegistrationPending);
                eventually("the registration", || !pending());
                format!("{:?}", frame.reason())
            }
            _ => {
                held = None;
                String::from("dropped")
            }
        };
        println!("answer {answer}");
    }
}

/// Which frame the bytes are, all of them.
fn describe(frame: &Frame) -> String {
    match (0..100).find(|sequence| frames::is_frame(frame, *sequence)) {
        Some(sequence) => format!("frame {sequence}"),
        None => String::from("noise"),
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_attaches() {
    for id in worker::told() {
        let attached = PinnedHostShmClient::new().attach(id.parse().unwrap());
        let last_slot = 4096 + (SLOTS - 1) * SLOT_BYTES as u32;
        println!(
            "answer {}",
            match attached.map(|segment| segment.map(last_slot).map(|_| ())) {
                Ok(Ok(())) => String::from("attached"),
                Ok(Err(error)) => format!("no such chunk: {error}"),
                Err(error) => format!("{error:?}"),
            }
        );
    }
}

pub fn assert_flows_beside_a_lost_slot(producer: &mut Worker, consumer: &mut Worker) {
    for sequence in 1..10 {
        assert_eq!(ask(consumer, "drop"), "dropped");
        assert_eq!(send(producer, sequence), "ok");
        assert_eq!(receive(consumer), format!("frame {sequence}"));
    }
    assert_eq!(ask(consumer, "drop"), "dropped");
}
