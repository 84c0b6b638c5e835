//! What a process that comes after the attack is answered.

use crate::{
    harness::{
        attack::{self, Segment},
        peer, worker,
    },
    victims::{ask, forget, producer},
};

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
    let mut victim = worker::orders("victims::worker_that_attaches").start();
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

/// The answer to an attack that puts a file there that nobody has locked: any zenoh process that starts or ends
/// meanwhile, that of another test for instance, removes it.
fn answer_unless_swept(attack: &str) -> String {
    let mut answer = answer_after(attack, &[]);
    for _ in 0..20 {
        if !answer.contains("NotFound") {
            break;
        }
        answer = answer_after(attack, &[]);
    }
    answer
}

#[test]
fn another_file_by_a_segments_name_is_attached_within_its_own_bounds() {
    assert_eq!(answer_unless_swept("replace"), "attached");
    assert_eq!(answer_unless_swept("impersonate"), "attached");
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
