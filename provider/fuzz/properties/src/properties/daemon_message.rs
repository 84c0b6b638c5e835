//! A daemon's message takes memory for what has arrived only, and nothing of what follows it.
//!
//! Input: what a connection gives.

use dora_message::daemon_to_node::DaemonReply;
use zenoh_pinned_node::internals::read_message;

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "daemon_message",
    check,
    seeds,
};

const MOST_BYTES: usize = dora_message::MAX_MESSAGE_BYTES;

fn check(input: &[u8]) {
    let mut connection = input;
    let Ok(Some(message)) = read_message(&mut connection, MOST_BYTES) else {
        return;
    };
    assert!(message.len() <= MOST_BYTES);
    assert!(
        message.capacity() <= 4 * input.len() + 64,
        "memory for a claim"
    );
    assert_eq!(input.len(), 8 + message.len() + connection.len());
    assert_eq!(&input[8..8 + message.len()], &message[..]);
    if let Ok(reply) = dora_message::decode::<DaemonReply>(&message)
        && let Ok(encoded) = dora_message::encode(&reply)
    {
        assert!(dora_message::decode::<DaemonReply>(&encoded).is_ok());
    }
}

fn seeds() -> Vec<Seed> {
    let framed = |reply: &DaemonReply| {
        let reply = dora_message::encode(reply).unwrap_or_default();
        [&(reply.len() as u64).to_le_bytes()[..], &reply].concat()
    };
    let accepted = framed(&DaemonReply::Result(Ok(())));
    let refused = framed(&DaemonReply::Result(Err(String::from("another version"))));
    vec![
        (String::from("accepted"), accepted.clone()),
        (String::from("refused"), refused.clone()),
        (String::from("two"), [accepted, refused.clone()].concat()),
        (String::from("cut"), refused[..refused.len() - 1].to_vec()),
        (
            String::from("claims-the-most"),
            (MOST_BYTES as u64).to_le_bytes().to_vec(),
        ),
        (
            String::from("claims-more"),
            (MOST_BYTES as u64 + 1).to_le_bytes().to_vec(),
        ),
        (String::from("claims-all"), vec![0xff; 9]),
        (String::from("nothing"), vec![0; 8]),
        (String::from("half-a-length"), vec![0; 5]),
    ]
}
