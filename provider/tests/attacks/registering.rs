//! What becomes of a registration whose segment is attacked.

use crate::{
    harness::{attack, peer, worker},
    victims::{SLOT_BYTES, ask, forget, producer, send},
};

fn consumer_with_a_device(endpoint: &str) -> worker::Worker {
    worker::orders("victims::worker_that_receives")
        .with("ENDPOINT", endpoint)
        .with("DEVICE", "0")
        .with_driver("")
        .start()
}

/// Has the consumer receive a frame, and register its segment as soon as it can.
fn take_a_frame(producer: &mut worker::Worker, consumer: &mut worker::Worker) {
    assert_eq!(send(producer, 0), "ok");
    assert_eq!(ask(consumer, "take"), "taken");
    assert_eq!(ask(consumer, "look"), "held");
}

#[test]
fn a_registration_of_a_cut_segment_is_refused_and_what_is_left_is_copied_another_way() {
    let endpoint = peer::endpoint();
    let (mut producer, segment) = producer(&endpoint);
    let mut consumer = consumer_with_a_device(&endpoint);
    let going = attack::start("hold_registration_lock", &[segment.as_str()]);
    take_a_frame(&mut producer, &mut consumer);
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
    let mut consumer = consumer_with_a_device(&endpoint);
    let going = attack::start("hold_registration_lock", &[segment.as_str()]);
    take_a_frame(&mut producer, &mut consumer);
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
        let mut consumer = worker::orders("victims::worker_that_receives")
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
