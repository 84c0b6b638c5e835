//! What a worker is given at once, and what it gives back.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh_pinned::{FrameError, bindings::descriptor::DescriptorReader};

use super::answer_slot::{AnswerSlot, Provided};
use crate::{
    protocol::{Asked, Content},
    request::{Payload, RequestError},
    traces,
};

/// Requests to be served together. Usable as a slice of them.
#[derive(Debug)]
pub struct Batch {
    number: u64,
    read_at: Instant,
    requests: Vec<BatchRequest>,
    /// Those whose frames cannot be read here, and why: they are answered so, and the engine does not see them.
    unreadable: Vec<(u64, String)>,
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
    provided: Provided,
}

/// The engine's answer to one request: `Ok` with anything that is a [`Payload`], or why there is none.
pub type Answer = Result<Payload, EngineError>;

/// Why an engine has no answer to a request, in its own words, of which the first 1024 bytes are told. Made of any text or
/// error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError {
    message: String,
    is_broken: bool,
}

impl<T: ToString> From<T> for EngineError {
    fn from(error: T) -> Self {
        Self {
            message: cut(error.to_string()),
            is_broken: false,
        }
    }
}

impl EngineError {
    /// That the engine itself is broken, and not only this request wrong: enough of them in a row open the breaker.
    pub fn broken(why: impl ToString) -> Self {
        Self {
            is_broken: true,
            ..Self::from(why)
        }
    }

    pub(super) fn into_request_error(self) -> RequestError {
        let Self { message, is_broken } = self;
        match is_broken {
            true => RequestError::EngineBroke { message },
            false => RequestError::Engine { message },
        }
    }
}

/// So that a full batch of them is still a message.
fn cut(mut message: String) -> String {
    const MOST: usize = 1024;
    if let Some(end) = (0..=MOST.min(message.len()))
        .rev()
        .find(|end| message.is_char_boundary(*end))
    {
        message.truncate(end);
    }
    message
}

impl BatchRequest {
    /// The slot that whoever asked wants the answer in ([`Request::answer_in`](crate::Request::answer_in)), to be written
    /// in place, and to be answered with [`AnswerSlot::written`]. It holds anything: what it was used for before, or half of
    /// the answer of a worker that has died. Once; `None` where nobody has provided one, and of a clone.
    ///
    /// An answer in ordinary memory is copied into it where it fits, if the engine leaves it alone.
    ///
    /// ```
    /// use zenoh_pinned_workers::{Answer, BatchRequest};
    ///
    /// fn invert(request: &BatchRequest) -> Answer {
    ///     let mut slot = request.answer_slot().ok_or("say where the answer is to be: answer_in(slot)")?;
    ///     for (to, from) in slot.iter_mut().zip(request.payload.iter()) {
    ///         *to = !from;
    ///     }
    ///     Ok(slot.written(request.payload.len()))
    /// }
    /// # let _ = invert;
    /// ```
    pub fn answer_slot(&self) -> Option<AnswerSlot<'_>> {
        self.provided.take()
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Batch {
    pub(super) fn read(
        number: u64,
        requests: &[Asked<'_>],
        reader: &Arc<DescriptorReader>,
        read: impl Fn(Content<'_>) -> Result<Payload, FrameError>,
    ) -> Self {
        let now = Instant::now();
        let mut batch = Self {
            number,
            read_at: now,
            requests: Vec::with_capacity(requests.len()),
            unreadable: Vec::new(),
        };
        for asked in requests {
            match read(asked.content) {
                Ok(payload) => batch.requests.push(BatchRequest {
                    id: asked.id,
                    payload,
                    attachment: asked.attachment.to_vec(),
                    deadline: now + Duration::from_micros(asked.remaining.min(1 << 40)),
                    trace: asked.trace,
                    provided: Provided::of(asked.answer_place, reader),
                }),
                Err(error) => batch.unreadable.push((asked.id, error.to_string())),
            }
        }
        batch
    }

    /// Tells the traces of its requests that it is served.
    pub(super) fn tell_served(&self, pool: &str) {
        for request in &self.requests {
            let took = self.read_at.elapsed();
            traces::tell_part(
                "serve",
                request.trace,
                took,
                pool,
                request.payload.len(),
                "",
            );
        }
    }

    /// The answers, in their order, each of them in the slot that was lent for it where it can be.
    pub(super) fn laid(&self, answers: &mut [Answer]) {
        for (request, answer) in self.requests.iter().zip(answers) {
            if let Ok(payload) = answer {
                *payload = request.provided.laid(payload.clone());
            }
        }
    }

    pub(super) fn take_unreadable(&mut self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.unreadable)
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
