//! Where an answer is to be written.

use zenoh_pinned::Slot;

use super::Payload;

/// So many bytes, in a slot of whoever asked where that can be lent. Nobody reads it before the answer is there.
#[derive(Clone, Debug)]
pub(crate) struct AnswerIn {
    pub(crate) bytes: u64,
    pub(crate) slot: Option<Payload>,
}

impl From<Slot> for AnswerIn {
    fn from(slot: Slot) -> Self {
        Self {
            bytes: slot.len() as u64,
            slot: Some(slot.into()),
        }
    }
}
