//! An answer to a marker is a short pair of names or nothing, and dora's own answers are read.
//!
//! Input: the attachment of a message.

use dora_message::{
    metadata::Metadata,
    uhlc::{ID, NTP64, Timestamp},
};
use zenoh_pinned_node::internals::{Acknowledgement, read_acknowledgement};

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "acknowledgement",
    check,
    seeds,
};

fn check(input: &[u8]) {
    match read_acknowledgement(input) {
        Some(Acknowledgement::From {
            consumer,
            input: name,
        }) => {
            assert!(consumer.len() + name.len() <= input.len());
            assert!(consumer.len().max(name.len()) <= 1024);
            // Names that dora's writer takes are read as they were written.
            let again = answer(&consumer, &name);
            assert!(matches!(
                read_acknowledgement(&again),
                Some(Acknowledgement::From { .. })
            ));
        }
        Some(Acknowledgement::OtherVersion(version)) => {
            assert_ne!(version, Metadata::CURRENT_VERSION);
        }
        None => {}
    }
}

/// The same on every day.
fn timestamp() -> Timestamp {
    let one = [1; ID::MAX_SIZE];
    Timestamp::new(NTP64(7), ID::try_from(&one).unwrap_or_else(|_| ID::rand()))
}

fn answer(consumer: &str, input: &str) -> Vec<u8> {
    let metadata = Metadata::startup_ack(timestamp(), consumer, input);
    dora_message::encode(&metadata).unwrap_or_default()
}

fn seeds() -> Vec<Seed> {
    let marker = Metadata::startup_marker(timestamp());
    let marker = dora_message::encode(&marker).unwrap_or_default();
    let valid = answer("camera-consumer", "image/depth");
    let mut seeds = vec![
        (String::from("valid"), valid.clone()),
        (String::from("marker"), marker),
        (
            String::from("long-names"),
            answer(&"a".repeat(2000), "image"),
        ),
        (String::from("empty-names"), answer("", "")),
        (String::from("empty"), Vec::new()),
    ];
    for cut in [1, valid.len() / 2, valid.len().saturating_sub(1)] {
        seeds.push((format!("cut-{cut}"), valid[..cut].to_vec()));
    }
    let mut other_version = valid.clone();
    if let Some(first) = other_version.first_mut() {
        *first = first.wrapping_add(1);
    }
    seeds.push((String::from("first-byte-changed"), other_version));
    seeds.push((String::from("something-behind"), [valid, vec![0]].concat()));
    seeds
}
