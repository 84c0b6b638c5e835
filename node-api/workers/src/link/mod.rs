//! Between a supervisor and a worker or client: messages one way and the other.
//!
//! Holds: a publisher for what goes out, and the slots that longer messages are written into; a listener with a thread of
//! its own for what comes in, or a subscriber that the caller waits on himself. Frames go by line where it exists, so a message is one wake-up; by zenoh where not, also to
//! another host.
//!
//! Who may write what: whoever sends, from any thread. Messages of one link arrive in the order of their [`Link::send`]s,
//! which a caller sees to, where it matters.
//!
//! Invariants:
//! - What comes in is copied out of shared memory before it is read, so that nobody can change it meanwhile.
//! - A send waits up to [`PATIENCE`] for a slot, and as long again for a peer that has a line.
//!
//! Knowingly weak:
//! - To a peer without a line, as on another host, a send waits for the network as long as zenoh's `wait_before_close` says
//!   (5 s), and then zenoh closes the transport.
//! - What zenoh brings waits in a queue of [`CAPACITY`] messages, whose oldest makes room; what is lost so ends by the
//!   deadlines of its requests.

mod envelopes;

use std::{sync::Arc, time::Duration};

use zenoh::{Session, bytes::ZBytes, qos::CongestionControl};
use zenoh_pinned::{
    FrameError, Pinner,
    bindings::descriptor::{Descriptor, DescriptorReader},
};
use zenoh_pinned_node::pubsub::{
    DeclareError, FrameListener, FrameSubscriber, FrameSubscriberBuilder, Overflow,
    PinnedPublisher, PutError, ReceivedFrame,
};

pub(crate) use envelopes::Envelopes;

use crate::{
    protocol::{AnswerPlace, Answered, Content, Message, Unreadable},
    request::{AnswerIn, Outcome, Payload},
};

/// How long a send waits for a slot, and for the other side.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Messages that wait unread at most. What is under way is bounded by credits, far below.
const CAPACITY: usize = 128;
/// About as many bytes of requests or answers go into one message.
pub(crate) const MESSAGE_BYTES: usize = 400 << 10;
/// What goes into a line's entry itself, without a slot.
const ENTRY_BYTES: usize = 400;

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Put(#[from] PutError),
    #[error("the message cannot be written: {0}")]
    Unwritable(#[from] Unreadable),
    #[error("there is no slot for a message of {bytes} bytes: {why}")]
    NoSlot { bytes: usize, why: String },
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Declare(#[from] DeclareError),
    #[error("zenoh did not declare the subscriber: {0}")]
    Listen(zenoh::Error),
}

/// A message that has come, in memory of this process's own.
pub(crate) struct Received {
    pub(crate) message: Arc<[u8]>,
    /// Whether it came in shared memory.
    pub(crate) is_shared: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    publisher: PinnedPublisher,
    envelopes: Envelopes,
}

/// A subscriber to a link's messages, none of which is lost on a line.
pub(crate) fn subscriber(pinner: &Pinner) -> FrameSubscriberBuilder {
    FrameSubscriber::builder(pinner)
        .capacity(CAPACITY)
        .overflow(Overflow::Refuse)
}

/// Calls `received` for each message that comes to `key`, on a thread of its own, until it is dropped.
pub(crate) fn listen(
    session: &Session,
    pinner: &Pinner,
    key: &str,
    mut received: impl FnMut(Received) + Send + 'static,
) -> Result<FrameListener, LinkError> {
    let listener = subscriber(pinner).listen(session, key, move |frame| match frame {
        Ok(frame) => received(Received::of(&frame)),
        Err(error) => tracing::warn!(%error, "a message of a worker or client is lost"),
    });
    listener.map_err(LinkError::Listen)
}

impl Received {
    pub(crate) fn of(frame: &ReceivedFrame) -> Self {
        Self {
            message: Arc::from(&frame.frame[..]),
            is_shared: frame.frame.is_shared(),
        }
    }
}

impl Link {
    /// Sends to `key`.
    pub(crate) fn declare(
        session: &Session,
        envelopes: &Envelopes,
        key: &str,
    ) -> Result<Self, LinkError> {
        // What is accepted is not to be lost on the way to another host.
        let publisher = PinnedPublisher::builder(1).congestion(CongestionControl::Block);
        let publisher = publisher.alone().wait(PATIENCE);
        let pool = envelopes.pool().clone();
        Ok(Self {
            publisher: publisher.declare_with_pool(session, key, pool)?,
            envelopes: envelopes.clone(),
        })
    }

    /// Sends a message.
    pub(crate) fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        let bytes = message.len();
        if bytes <= ENTRY_BYTES {
            return self.send_ordinary(message, bytes);
        }
        self.send_slot(message, bytes)
    }

    /// Sends it in a slot, however short, so that the other side sees whether it shares memory.
    pub(crate) fn send_shared(&self, message: &Message<'_>) -> Result<(), SendError> {
        self.send_slot(message, message.len())
    }

    fn send_slot(&self, message: &Message<'_>, bytes: usize) -> Result<(), SendError> {
        match self.envelopes.pool().alloc_timeout(bytes, PATIENCE) {
            Ok(mut slot) => {
                message.write(&mut slot)?;
                Ok(self.publisher.put(slot)?)
            }
            // Only zenoh takes messages of any length, and only without a line.
            Err(_)
                if self
                    .publisher
                    .lines()
                    .iter()
                    .all(|line| line.reason.is_some()) =>
            {
                self.send_ordinary(message, bytes)
            }
            Err(error) => Err(SendError::NoSlot {
                bytes,
                why: error.to_string(),
            }),
        }
    }

    fn send_ordinary(&self, message: &Message<'_>, bytes: usize) -> Result<(), SendError> {
        let mut buffer = vec![0; bytes];
        message.write(&mut buffer)?;
        Ok(self.publisher.put_payload(ZBytes::from(buffer), None)?)
    }
}

impl Link {
    /// Messages that the other side has not read, where it has a line.
    pub(crate) fn unread(&self) -> u64 {
        let lines = self.publisher.lines();
        lines.iter().map(|line| line.unread).max().unwrap_or(0)
    }
}

/// How a payload stands in a message to somebody who shares memory, or not. Long ordinary memory is laid into a slot before,
/// where memory is shared.
pub(crate) fn content(payload: &Payload, shares_memory: bool) -> Content<'_> {
    if shares_memory && let Some(descriptor) = payload.descriptor() {
        return Content::Shared(descriptor.to_bytes());
    }
    Content::Inline(payload)
}

/// How the place of an answer stands in a message to somebody whom its slot is lent to, or not.
pub(crate) fn answer_place(answer: &AnswerIn, is_lent: bool) -> AnswerPlace {
    let slot = answer.slot.as_ref().filter(|_| is_lent);
    let descriptor = slot.and_then(Payload::descriptor);
    AnswerPlace {
        bytes: answer.bytes,
        slot: descriptor.map(Descriptor::to_bytes),
    }
}

/// Where somebody else wants his answer. A slot that cannot be read here cannot be lent on.
pub(crate) fn answer_in(place: AnswerPlace, reader: &DescriptorReader) -> AnswerIn {
    let frame = place
        .slot
        .map(|slot| reader.read(Descriptor::from_bytes(slot)));
    let slot = match frame {
        Some(Ok(frame)) => Some(frame.into()),
        Some(Err(error)) => {
            tracing::debug!(%error, "a slot for an answer cannot be read");
            None
        }
        None => None,
    };
    AnswerIn {
        bytes: place.bytes,
        slot,
    }
}

/// Outcomes as they stand in a message, and whether any lies in shared memory that the other side does not keep itself: then
/// they are kept until it has taken them.
pub(crate) fn answered(
    outcomes: &[(u64, Outcome)],
    shares_memory: bool,
) -> (Vec<Answered<'_>>, bool) {
    let answers = outcomes.iter().map(|(id, outcome)| Answered {
        id: *id,
        outcome: match outcome {
            Ok(payload) => Ok(content(payload, shares_memory)),
            Err(error) => Err(error.clone()),
        },
        attachment: outcome.as_ref().map_or(&[], |payload| payload.attachment()),
    });
    let answers: Vec<_> = answers.collect();
    let must_be_taken = outcomes.iter().zip(&answers).any(|((_, outcome), answer)| {
        let is_shared = matches!(answer.outcome, Ok(Content::Shared(_)));
        is_shared && !outcome.as_ref().is_ok_and(Payload::is_of_receiver)
    });
    (answers, must_be_taken)
}

/// What a message carries, for as long as it is wanted.
pub(crate) fn payload(
    content: Content<'_>,
    message: &Arc<[u8]>,
    reader: &DescriptorReader,
) -> Result<Payload, FrameError> {
    match content {
        Content::Shared(descriptor) => {
            let frame = reader.read(Descriptor::from_bytes(descriptor))?;
            Ok(Payload::from(frame))
        }
        Content::Inline(bytes) => {
            // A part of the message, as it was read from there.
            let start = (bytes.as_ptr() as usize).saturating_sub(message.as_ptr() as usize);
            Ok(Payload::piece(message, start..start + bytes.len()))
        }
    }
}
