//! What becomes of a stream whose segment is attacked.

use std::os::unix::process::ExitStatusExt;

use crate::{
    harness::attack,
    victims::{
        ask, assert_flows, assert_flows_beside_a_lost_slot, end, forget, receive, send, stream,
    },
};

const SIGBUS: i32 = 7;

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
