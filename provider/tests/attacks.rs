//! Every program in `attacks/` against real processes: what it is answered, and that nobody is harmed more than
//! the kernel allows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{os::unix::process::ExitStatusExt, time::Duration};

use harness::{
    attack::{self, Segment},
    driver, eventually, frames, peer,
    worker::{self, Worker},
};
use zenoh::{Wait, shm::ShmClient};
use zenoh_pinned::{FallbackReason, Frame, PinnedHostShmClient, PinnedPool, Pinner, shm_clients};

const SLOT_BYTES: usize = 64 << 10;
const SLOTS: u32 = 3;
const SIGBUS: i32 = 7;

/// A producer in a process of its own, and its segment.
fn producer(endpoint: &str) -> (Worker, Segment) {
    let mut producer = worker::orders("worker_that_publishes")
        .with("ENDPOINT", endpoint)
        .start();
    let segment = Segment::of_pool(&producer.line("pool "));
    (producer, segment)
}

/// A producer and a consumer that has received its first frame.
fn stream() -> (Worker, Worker, Segment, String) {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let mut consumer = worker::orders("worker_that_receives")
        .with("ENDPOINT", &endpoint)
        .start();
    assert_eq!(send(&mut producer, 0), "ok");
    assert_eq!(receive(&mut consumer), "frame 0");
    (producer, consumer, segment, endpoint)
}

fn send(producer: &mut Worker, sequence: u64) -> String {
    ask(producer, &format!("send {sequence}"))
}

fn receive(consumer: &mut Worker) -> String {
    ask(consumer, "receive")
}

fn ask(worker: &mut Worker, what: &str) -> String {
    worker.tell(what);
    worker.line("answer ")
}

/// More frames than there are slots arrive whole, and everybody ends well.
fn assert_flows(producer: &mut Worker, consumer: &mut Worker) {
    for sequence in 1..10 {
        assert_eq!(ask(consumer, "drop"), "dropped");
        assert_eq!(send(producer, sequence), "ok");
        assert_eq!(receive(consumer), format!("frame {sequence}"));
    }
    end(producer, consumer);
}

fn end(producer: &mut Worker, consumer: &mut Worker) {
    consumer.end_without_report();
    producer.end_without_report();
}

fn forget(endpoint: &str) {
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

/// What a process that comes afterwards is answered; meanwhile the producer goes on.
fn answer_after(name: &str, arguments: &[&str]) -> String {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    attack::run(name, &[&[segment.as_str()], arguments].concat());
    let answer = attach(&segment);
    producer.end_without_report();
    forget(&endpoint);
    answer
}

fn attach(segment: &Segment) -> String {
    let mut victim = worker::orders("worker_that_attaches").start();
    let answer = ask(&mut victim, segment.id());
    victim.end_without_report();
    answer
}

#[test]
fn a_segment_that_was_cut_before_it_is_attached_has_only_the_chunks_that_are_left() {
    assert!(answer_after("truncate", &["0"]).contains("Malformed"));
    let answer = answer_after("truncate", &["4096"]);
    assert!(answer.contains("no such chunk"), "{answer}");
    let answer = answer_after("truncate", &["100"]);
    assert!(answer.contains("no such chunk"), "{answer}");
}

#[test]
fn a_segment_that_is_longer_than_it_says_is_attached_and_one_beyond_4_gib_is_not() {
    assert_eq!(answer_after("grow", &[]), "attached");
    assert!(answer_after("oversize", &[]).contains("Malformed"));
}

#[test]
fn what_is_not_a_file_by_a_segments_name_is_not_attached() {
    for name in ["link_symbolically", "pipe", "folder"] {
        let answer = answer_after(name, &[]);
        assert!(answer.contains("Open"), "{name}: {answer}");
    }
}

#[test]
fn another_file_by_a_segments_name_is_attached_within_its_own_bounds() {
    assert_eq!(answer_after("replace", &[]), "attached");
    assert_eq!(answer_after("impersonate", &[]), "attached");
    for seed in ["1", "2", "3"] {
        assert_eq!(answer_after("scribble_header", &[seed]), "attached");
    }
}

#[test]
fn a_segment_that_others_can_write_or_own_is_not_attached() {
    assert!(answer_after("open_to_all", &[]).contains("NotPrivate"));
    // SAFETY: takes nothing and always succeeds.
    if unsafe { libc::geteuid() } == 0 {
        assert!(answer_after("give_away", &[]).contains("NotPrivate"));
    } else {
        println!("skipped: only root can give a file away");
    }
}

#[test]
fn a_segment_that_somebody_holds_exclusively_is_not_waited_for() {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let going = attack::start("lock_exclusively", &[segment.as_str()]);
    assert!(attach(&segment).contains("Removed"));
    drop(going);
    producer.end_without_report();
    forget(&endpoint);
}

#[test]
fn a_second_name_of_a_segment_is_the_same_segment() {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let second = Segment {
        path: segment.path.with_file_name("4294967291.zenoh"),
    };
    attack::run("link_hard", &[segment.as_str(), second.as_str()]);
    assert_eq!(attach(&segment), "attached");
    assert_eq!(attach(&second), "attached");
    producer.end_without_report();
    forget(&endpoint);
}

#[test]
fn what_becomes_of_an_attached_segments_name_length_mode_and_header_stops_no_frame() {
    let attacks: [(&str, &[&str]); 9] = [
        ("grow", &[]),
        ("replace", &[]),
        ("impersonate", &[]),
        ("link_symbolically", &[]),
        ("pipe", &[]),
        ("folder", &[]),
        ("open_to_all", &[]),
        ("scribble_header", &["4"]),
        ("oversize", &[]),
    ];
    for (name, arguments) in attacks {
        println!("{name}");
        let (mut producer, mut consumer, segment, endpoint) = stream();
        attack::run(name, &[&[segment.as_str()], arguments].concat());
        assert_flows(&mut producer, &mut consumer);
        forget(&endpoint);
    }
}

#[test]
fn noise_in_the_release_words_stops_no_frame() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    let going = attack::start("scribble_release_words", &[segment.as_str()]);
    assert_flows(&mut producer, &mut consumer);
    drop(going);
    forget(&endpoint);
}

#[test]
fn a_segment_cut_under_its_users_is_an_error_for_whoever_looks_next() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    assert_eq!(ask(&mut consumer, "drop"), "dropped");
    assert_eq!(send(&mut producer, 1), "ok");
    attack::run("truncate", &[segment.as_str(), "0"]);
    assert!(receive(&mut consumer).contains("Truncated"));
    assert!(send(&mut producer, 2).contains("Truncated"));
    assert!(send(&mut producer, 3).contains("Truncated"));
    end(&mut producer, &mut consumer);
    forget(&endpoint);
}

#[test]
fn a_frame_in_hand_whose_segment_is_cut_can_be_dropped() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    attack::run("truncate", &[segment.as_str(), "0"]);
    assert_eq!(ask(&mut consumer, "drop"), "dropped");
    end(&mut producer, &mut consumer);
    forget(&endpoint);
}

#[test]
fn reading_a_frame_in_hand_whose_segment_is_cut_raises_sigbus_as_documented() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    attack::run("truncate", &[segment.as_str(), "0"]);
    consumer.tell("read");
    assert_eq!(consumer.ended().signal(), Some(SIGBUS));
    // The producer is not harmed by that.
    assert!(ask(&mut producer, "statistics").starts_with("in use"));
    producer.end_without_report();
    forget(&endpoint);
}

#[test]
fn a_count_that_is_too_high_costs_its_slot_and_no_other() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    attack::run("scribble_references", &[segment.as_str(), "1000"]);
    assert_flows_beside_a_lost_slot(&mut producer, &mut consumer);
    assert_eq!(ask(&mut producer, "statistics"), "in use 1, rejected 0");
    end(&mut producer, &mut consumer);
    forget(&endpoint);
}

fn assert_flows_beside_a_lost_slot(producer: &mut Worker, consumer: &mut Worker) {
    for sequence in 1..10 {
        assert_eq!(ask(consumer, "drop"), "dropped");
        assert_eq!(send(producer, sequence), "ok");
        assert_eq!(receive(consumer), format!("frame {sequence}"));
    }
    assert_eq!(ask(consumer, "drop"), "dropped");
}

#[test]
fn a_release_of_a_slot_that_does_not_exist_is_counted_and_refused() {
    // In the header, inside a slot, behind the last one.
    for offset in ["0", "4097", "4294963200"] {
        let (mut producer, mut consumer, segment, endpoint) = stream();
        attack::run("scribble_descriptor", &[segment.as_str(), offset]);
        assert_flows_beside_a_lost_slot(&mut producer, &mut consumer);
        assert_eq!(ask(&mut producer, "statistics"), "in use 1, rejected 1");
        end(&mut producer, &mut consumer);
        forget(&endpoint);
    }
}

#[test]
fn a_count_of_zero_lets_the_producer_write_a_frame_in_hand_and_nothing_else() {
    let (mut producer, mut consumer, segment, endpoint) = stream();
    attack::run("scribble_references", &[segment.as_str(), "0"]);
    // The slot comes back, and the next frame is written to it: the last released is taken first.
    assert_eq!(ask(&mut producer, "statistics"), "in use 0, rejected 0");
    assert_eq!(send(&mut producer, 1), "ok");
    assert_eq!(ask(&mut consumer, "read"), "frame 1");
    end(&mut producer, &mut consumer);
    forget(&endpoint);
}

#[test]
fn a_registration_of_a_cut_segment_is_refused_and_what_is_left_is_copied_another_way() {
    if driver::is_real() {
        println!("skipped: needs a consumer that waits for the lock");
    }
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let mut consumer = worker::orders("worker_that_receives")
        .with("ENDPOINT", &endpoint)
        .with("DEVICE", "0")
        .with_driver("")
        .start();
    let going = attack::start("hold_registration_lock", &[segment.as_str()]);
    assert_eq!(send(&mut producer, 0), "ok");
    assert_eq!(ask(&mut consumer, "take"), "taken");
    assert_eq!(ask(&mut consumer, "look"), "held");
    // The first slot that is taken is the first one of the segment: one page more than half of it is left.
    attack::run(
        "truncate",
        &[segment.as_str(), &(SLOT_BYTES + 8192).to_string()],
    );
    drop(going);
    let reason = ask(&mut consumer, "settle");
    assert!(reason.contains("PagesMissing"), "{reason}");
    assert_eq!(ask(&mut consumer, "read"), "frame 0");
    consumer.end().assert_clean();
    producer.end_without_report();
    forget(&endpoint);
}

#[test]
fn a_registration_lock_that_is_never_given_up_is_a_reason() {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let mut consumer = worker::orders("worker_that_receives")
        .with("ENDPOINT", &endpoint)
        .with("DEVICE", "0")
        .with_driver("")
        .start();
    let going = attack::start("hold_registration_lock", &[segment.as_str()]);
    assert_eq!(send(&mut producer, 0), "ok");
    assert_eq!(ask(&mut consumer, "take"), "taken");
    assert_eq!(ask(&mut consumer, "look"), "held");
    assert_eq!(ask(&mut consumer, "settle"), "Some(RegistrationContended)");
    assert_eq!(ask(&mut consumer, "read"), "frame 0");
    drop(going);
    consumer.end().assert_clean();
    producer.end_without_report();
    forget(&endpoint);
}

#[test]
fn a_mapping_whose_name_means_another_file_now_is_not_registered() {
    for name in ["replace", "impersonate"] {
        let endpoint = peer::endpoint();
        let (mut producer, segment) = producer(&endpoint);
        // zenoh's own client attaches, so ours knows the segment by its name only.
        let mut consumer = worker::orders("worker_that_receives")
            .with("ENDPOINT", &endpoint)
            .with("STOCK", "1")
            .with("DEVICE", "0")
            .with_driver("")
            .start();
        assert_eq!(send(&mut producer, 0), "ok");
        assert_eq!(ask(&mut consumer, "take"), "taken");
        attack::run(name, &[segment.as_str()]);
        assert_eq!(ask(&mut consumer, "look"), "held");
        let reason = ask(&mut consumer, "settle");
        assert!(reason.contains("NotAttachable"), "{reason}");
        assert_eq!(ask(&mut consumer, "read"), "frame 0");
        consumer.end().assert_clean();
        producer.end_without_report();
        forget(&endpoint);
    }
}

#[test]
fn every_attack_has_a_test_here_and_a_row_in_the_table() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../attacks");
    let table = std::fs::read_to_string(format!("{folder}/README.md")).unwrap();
    let tests = include_str!("attacks.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".py") else {
            continue;
        };
        assert!(table.contains(&format!("`{file}`")), "{file} has no row");
        let is_run = tests.contains(&format!("\"{name}\""));
        assert!(is_run || name == "zenoh_metadata", "{file} has no test");
    }
}
