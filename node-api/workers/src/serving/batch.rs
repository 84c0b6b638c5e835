//! What a worker is given at once, and what it gives back.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use zenoh_pinned::FrameError;

use crate::{
    protocol::{Asked, Content},
    request::Payload,
};

/// Requests to be served together. Usable as a slice of them.
///
/// A request whose frame could not be read, as its sender has died meanwhile, is in it with an empty payload.
#[derive(Debug)]
pub struct Batch {
    number: u64,
    requests: Vec<BatchRequest>,
}

/// One request of a batch.
#[derive(Clone, Debug)]
pub struct BatchRequest {
    id: u64,
    /// What is asked: where it was in shared memory it lies there still.
    pub payload: Payload,
    /// A few bytes beside it.
    pub attachment: Vec<u8>,
    /// When nobody wants the answer any more.
    pub deadline: Instant,
    /// The trace that it belongs to, and the span of whoever asked; zero for none.
    #[doc(hidden)]
    pub trace: (u128, u64),
}

/// The engine's answer to one request: `Ok` with anything that is a [`Payload`], or why there is none.
pub type Answer = Result<Payload, EngineError>;

/// Why an engine has no answer to a request, in its own words. Made of any text or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError(String);

impl<T: ToString> From<T> for EngineError {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

impl EngineError {
    pub(super) fn message(&self) -> &str {
        &self.0
    }
}

impl BatchRequest {
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Batch {
    pub(super) fn read(
        number: u64,
        requests: &[Asked<'_>],
        read: impl Fn(Content<'_>) -> Result<Payload, FrameError>,
    ) -> Self {
        let now = Instant::now();
        let requests = requests.iter().map(|asked| BatchRequest {
            id: asked.id,
            payload: read(asked.content).unwrap_or_else(|error| {
                tracing::warn!(%error, "the frame of a request cannot be read");
                Payload::from(Vec::new())
            }),
            attachment: asked.attachment.to_vec(),
            deadline: now + Duration::from_micros(asked.remaining.min(1 << 40)),
            trace: asked.trace,
        });
        Self {
            number,
            requests: requests.collect(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Deref for Batch {
    type Target = [BatchRequest];

    fn deref(&self) -> &[BatchRequest] {
        &self.requests
    }
}
