//! A request that is being put together, for workers of this process or of another.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use zenoh_pinned::Slot;

use super::{AnswerIn, Payload, PendingAnswer, Priority, RequestError};

/// The most bytes of an attachment.
pub(crate) const ATTACHMENT_BYTES: usize = 1024;
/// The most bytes of the name of a key or a source.
const NAME_BYTES: usize = 256;

/// Who takes requests: [`Workers`](crate::Workers) of this process, or a [`WorkersClient`](crate::WorkersClient).
pub trait Requests {
    /// Takes it, or says at once why not.
    #[doc(hidden)]
    fn submit(&self, submission: Submission) -> PendingAnswer;
}

/// What was asked for.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Submission {
    pub(crate) payload: Payload,
    pub(crate) answer_in: Option<AnswerIn>,
    pub(crate) attachment: Vec<u8>,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) key: Box<str>,
    pub(crate) source: Box<str>,
    pub(crate) deduplicate: bool,
}

/// A request that is being put together. Made by [`Workers::request`](crate::Workers::request) and
/// [`WorkersClient::request`](crate::WorkersClient::request).
#[must_use = "a request that is put together is not sent yet"]
pub struct Request<'a> {
    to: &'a dyn Requests,
    submission: Submission,
}

impl<'a> Request<'a> {
    pub(crate) fn new(to: &'a dyn Requests, payload: Payload) -> Self {
        Self {
            to,
            submission: Submission {
                payload,
                answer_in: None,
                attachment: Vec::new(),
                priority: Priority::Normal,
                deadline: None,
                key: Box::default(),
                source: Box::default(),
                deduplicate: false,
            },
        }
    }

    /// A few bytes beside the payload, at most 1024, for instance a frame's number or its shape.
    pub fn attachment(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.submission.attachment = bytes.into();
        self
    }

    /// Has the worker write its answer into this slot, which may have fewer bytes than the slot: what this process does with
    /// it next then needs no copy, and no worker needs memory of its own for it. The slot is the worker's until the answer
    /// is there, and goes back to its pool when nobody has that any more. An answer of up to 4 KiB comes in the message, and a
    /// worker that has joined, or does not share memory, answers in memory of its own. A request with a slot shares its answer
    /// with no other ([`deduplicate`](Self::deduplicate)).
    ///
    /// ```
    /// # use zenoh_pinned_workers::{Payload, RequestError, Workers};
    /// fn shrink(workers: &Workers, frame: zenoh_pinned::Slot) -> Result<Payload, RequestError> {
    ///     let small = workers.alloc(frame.len() / 4)?;
    ///     workers.request(frame).answer_in(small).send().wait()
    /// }
    /// # let _ = shrink;
    /// ```
    pub fn answer_in(mut self, slot: Slot) -> Self {
        self.submission.answer_in = Some(slot.into());
        self
    }

    /// How urgent it is; [`Priority::Normal`] unless told otherwise.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.submission.priority = priority;
        self
    }

    /// How long the answer is wanted for; what the workers were built with unless told otherwise. What expires in the queue
    /// costs no worker.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.submission.deadline = Some(deadline);
        self
    }

    /// Goes into batches with requests of the same key only, for instance of one size of image.
    pub fn key(mut self, key: &str) -> Self {
        self.submission.key = key.into();
        self
    }

    /// Answers of one source come in the order in which they were asked for, whichever workers had them.
    pub fn in_order_of(mut self, source: &str) -> Self {
        self.submission.source = source.into();
        self
    }

    /// One answer does for this and every other request of the same bytes and key that says so and waits at the same time.
    pub fn deduplicate(mut self) -> Self {
        self.submission.deduplicate = true;
        self
    }

    /// Sends it. The answer is to be awaited, or waited for with [`PendingAnswer::wait`]; a refusal comes the same way.
    pub fn send(self) -> PendingAnswer {
        match check(&self.submission) {
            Ok(()) => self.to.submit(self.submission),
            Err(refused) => PendingAnswer::told(Err(refused)),
        }
    }
}

impl IntoFuture for Request<'_> {
    type Output = Result<Payload, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.submission.fmt(formatter)
    }
}

/// Whether everything has a size that can be sent.
pub(crate) fn check(submission: &Submission) -> Result<(), RequestError> {
    let check = |what: &str, bytes: usize, most: usize, remedy: &str| match bytes <= most {
        true => Ok(()),
        false => Err(RequestError::TooLarge {
            what: what.into(),
            bytes,
            most,
            remedy: remedy.into(),
        }),
    };
    let attachment = submission.attachment.len();
    check(
        "attachment",
        attachment,
        ATTACHMENT_BYTES,
        "put them into the payload",
    )?;
    check("key", submission.key.len(), NAME_BYTES, "shorten it")?;
    check("source", submission.source.len(), NAME_BYTES, "shorten it")
}
