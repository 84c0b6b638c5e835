//! How requests leave: on the threads of those who ask, several in one message where they come at once.

use std::{
    sync::{TryLockError, atomic::Ordering},
    time::Instant,
};

use zenoh_pinned_node::pubsub::PutError;

use super::{Shared, lock};
use crate::{
    link::{self, MESSAGE_BYTES, SendError},
    protocol::{Asked, INLINE_BYTES, MOST_REQUESTS, Message, Terms},
    request::{RequestError, Submission},
    traces,
};

/// Bytes of a request in a message beside what it carries.
const REQUEST_BYTES: usize = 96;

/// A request that is to leave.
pub(super) struct Leaving {
    pub(super) id: u64,
    pub(super) trace: traces::Ids,
    pub(super) submission: Submission,
    pub(super) deadline: Instant,
}

impl Shared {
    /// Sends it, with whatever else is to leave: whoever is at it takes along what has come meanwhile.
    pub(super) fn leave(&self, leaving: Leaving) {
        lock(&self.leaving).push(leaving);
        loop {
            let sending = match self.sending.try_lock() {
                Ok(sending) => sending,
                // It guards no data.
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Whoever sends looks again when he is done.
                Err(TryLockError::WouldBlock) => return,
            };
            let mut all = std::mem::take(&mut *lock(&self.leaving));
            while !all.is_empty() {
                let mut bytes = 0;
                let fits = |leaving: &&Leaving| {
                    let Submission {
                        payload,
                        attachment,
                        key,
                        source,
                        ..
                    } = &leaving.submission;
                    bytes += REQUEST_BYTES + attachment.len() + key.len() + source.len();
                    bytes += payload.len().min(INLINE_BYTES);
                    bytes <= MESSAGE_BYTES
                };
                let count = all.iter().take(MOST_REQUESTS).take_while(fits).count();
                let rest = all.split_off(count.max(1));
                self.send(&all);
                all = rest;
            }
            drop(sending);
            if lock(&self.leaving).is_empty() {
                return;
            }
        }
    }

    fn send(&self, requests: &[Leaving]) {
        let shares_memory = self.shares_memory.load(Ordering::Relaxed);
        let now = Instant::now();
        let asked = requests.iter().map(
            |Leaving {
                 id,
                 trace,
                 submission,
                 deadline,
             }| Asked {
                id: *id,
                content: link::content(&submission.payload, shares_memory),
                attachment: &submission.attachment,
                answer_place: submission
                    .answer_in
                    .as_ref()
                    .map(|answer| link::answer_place(answer, shares_memory)),
                remaining: u64::try_from(deadline.saturating_duration_since(now).as_micros())
                    .unwrap_or(u64::MAX),
                trace: *trace,
                terms: Some(Terms {
                    priority: submission.priority,
                    key: &submission.key,
                    source: &submission.source,
                    deduplicate: submission.deduplicate,
                }),
            },
        );
        let message = Message::Requests(asked.collect());
        if let Err(error) = self.link.send(&message) {
            tracing::warn!(pool = %self.pool, %error, "requests do not reach the supervisor");
            let error = match error {
                SendError::Put(PutError::Full { .. }) => RequestError::NotTaken {
                    why: error.to_string(),
                },
                SendError::Put(_) => RequestError::SupervisorGone,
                error => RequestError::NoMemory {
                    why: error.to_string(),
                },
            };
            requests
                .iter()
                .for_each(|leaving| self.tell(leaving.id, Err(error.clone())));
        }
    }
}
