//! What a consumer's answer to a marker says. Anyone on the network can send one.
//!
//! Specified by dora-message 1.1 (`Metadata::startup_ack`).

use dora_message::metadata::Metadata;

/// The longest name that is taken; dora's own are paths of a few parts.
const MAX_NAME_BYTES: usize = 1024;

/// An answer that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Somebody whose metadata has another version than ours.
    OtherVersion(u16),
    /// A consumer has what was sent before its marker.
    From {
        /// The id of its node.
        consumer: String,
        /// The id of the input that the message came by.
        input: String,
    },
}

/// Reads the attachment of a message on an output's `@ack` topic; `None` for anything that is no answer.
pub fn read(attachment: &[u8]) -> Option<Acknowledgement> {
    let metadata = dora_message::decode::<Metadata>(attachment).ok()?;
    if metadata.metadata_version() != Metadata::CURRENT_VERSION {
        let version = metadata.metadata_version();
        return Some(Acknowledgement::OtherVersion(version));
    }
    let (consumer, input) = metadata.startup_ack_identity()?;
    if consumer.len().max(input.len()) > MAX_NAME_BYTES {
        return None;
    }
    Some(Acknowledgement::From {
        consumer: consumer.to_owned(),
        input: input.to_owned(),
    })
}
