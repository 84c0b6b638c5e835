//! A worker: the process that has the model, and serves batches until it is asked to end.
//!
//! Holds: the session to its supervisor, the subscriber that batches come to, the link that answers go out by, and answers
//! in shared memory until the other side has taken them.
//!
//! One thread does it all: it sleeps on the bell of the line, serves the batch, and sends the answers; so a batch costs one
//! wake-up. Pings are answered by zenoh's thread, also while the engine works: they say that the process turns.
//!
//! Invariants:
//! - Each request of a batch is answered, also where the engine panics, or gives too few answers.
//! - A worker ends when it is asked to, after its batch, and when its supervisor has gone.

mod answer_slot;
mod batch;
mod connecting;
mod engine;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh::{Session, Wait, liveliness::LivelinessToken, pubsub::Subscriber, query::Queryable};
use zenoh_pinned::{
    Pinner, Slot,
    bindings::{MadeHere, Termination, descriptor::DescriptorReader},
};
use zenoh_pinned_node::pubsub::{FrameSubscriber, ReceiveError};

pub use answer_slot::AnswerSlot;
pub use batch::{Answer, Batch, BatchRequest, EngineError};
pub use connecting::WorkerError;
pub(crate) use connecting::find_supervisor;

use crate::{
    link::{self, Envelopes, Link, Received},
    os::placement::Placement,
    protocol::{Capabilities, Content, Message},
    request::{ATTACHMENT_BYTES, Outcome, Payload, RequestError},
};

/// How often a worker that has nothing to do looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A worker of a pool. See the crate's first page for a whole one.
pub struct Worker {
    name: String,
    link: Arc<Link>,
    batches: FrameSubscriber,
    reader: Arc<DescriptorReader>,
    envelopes: Envelopes,
    /// Answers in shared memory that the supervisor may not have taken yet.
    kept: HashMap<u64, Vec<Payload>>,
    shares_memory: bool,
    placement: Placement,
    supervisor_gone: Arc<AtomicBool>,
    pinner: Pinner,
    // In the order in which they go.
    _watching: Option<Subscriber<()>>,
    _token: Option<LivelinessToken>,
    _ping: Queryable<()>,
    session: Session,
    made_here: MadeHere,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("name", &self.name)
            .field("shares_memory", &self.shares_memory)
            .finish()
    }
}

impl Worker {
    /// The name of its pool.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its frames go: to the device that it was connected with.
    pub fn pinner(&self) -> &Pinner {
        &self.pinner
    }

    /// The session to the supervisor, for what else a worker has to say.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// A slot for an answer that is to go without a copy.
    ///
    /// # Errors
    /// [`RequestError::NoMemory`].
    pub fn alloc(&self, bytes: usize) -> Result<Slot, RequestError> {
        self.envelopes.alloc(bytes)
    }

    /// Says that the model could not be loaded, and why: the supervisor shows it and tries again later.
    pub fn fail(self, why: impl std::fmt::Display) {
        let why = why.to_string();
        if let Err(error) = self.link.send(&Message::NotReady { why }) {
            tracing::warn!(%error, "the supervisor does not hear why this worker is not ready");
        }
        // What is on its way arrives before the session closes.
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Says that it is ready, and serves batches with `engine` until it is asked to end (SIGTERM, SIGINT) or the supervisor
    /// has gone. `engine` gives an answer for each request of the batch, in order.
    ///
    /// An engine that panics fails the requests of its batch, and has the next one.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub fn serve(
        mut self,
        mut engine: impl FnMut(&Batch) -> Vec<Answer>,
    ) -> Result<(), WorkerError> {
        let termination = Termination::expect().map_err(WorkerError::Signals)?;
        self.ready()?;
        loop {
            if termination.is_asked_for() {
                return Ok(());
            }
            if self.supervisor_gone.load(Ordering::Relaxed) {
                return Err(WorkerError::SupervisorGone);
            }
            match self.next(LOOK_EVERY)? {
                Next::Batch(batch) => {
                    let answers = engine::run(&mut engine, &batch);
                    self.answer(batch, answers)?;
                }
                Next::Nothing => {}
                Next::Leave => return Ok(()),
            }
        }
    }

    /// Says that it is ready; for bindings, which call the engine themselves.
    #[doc(hidden)]
    pub fn ready(&mut self) -> Result<(), WorkerError> {
        let capabilities = Capabilities {
            shares_memory: self.shares_memory,
            placement: self.placement.outcome(),
        };
        Ok(self.link.send(&Message::Ready(capabilities))?)
    }

    /// The next batch, waiting up to `timeout`; for bindings.
    #[doc(hidden)]
    pub fn next(&mut self, timeout: Duration) -> Result<Next, WorkerError> {
        let frame = match self.batches.recv_timeout(timeout) {
            Ok(frame) => frame,
            Err(ReceiveError::TimedOut(_)) => return Ok(Next::Nothing),
            Err(ReceiveError::Frame(error)) => {
                tracing::warn!(%error, "a message of the supervisor is lost");
                return Ok(Next::Nothing);
            }
            Err(error) => return Err(error.into()),
        };
        let Received { message, .. } = Received::of(&frame);
        drop(frame);
        let read = match Message::read(&message) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%error, "a message of the supervisor is not read");
                return Ok(Next::Nothing);
            }
        };
        match read {
            Message::Batch { number, requests } => Ok(Next::Batch(Batch::read(
                number,
                &requests,
                &self.reader,
                |content: Content<'_>| link::payload(content, &message, &self.reader),
            ))),
            Message::Taken { number } => {
                self.kept.retain(|kept, _| *kept > number);
                Ok(Next::Nothing)
            }
            Message::Leave => Ok(Next::Leave),
            _ => Ok(Next::Nothing),
        }
    }

    /// Whether the supervisor has gone; for bindings.
    #[doc(hidden)]
    pub fn is_alone(&self) -> bool {
        self.supervisor_gone.load(Ordering::Relaxed)
    }

    /// Sends the answers of a batch; for bindings.
    #[doc(hidden)]
    pub fn answer(
        &mut self,
        mut batch: Batch,
        mut answers: Vec<Answer>,
    ) -> Result<(), WorkerError> {
        let number = batch.number();
        let ids: Vec<u64> = batch.iter().map(BatchRequest::id).collect();
        let unreadable = batch.take_unreadable();
        batch.tell_served(&self.name);
        batch.laid(&mut answers);
        // The supervisor keeps what it has sent until it is answered.
        drop(batch);
        let missing = || {
            Err(EngineError::broken(
                "it gave no answer to this request of its batch",
            ))
        };
        let answers = answers.into_iter().chain(std::iter::repeat_with(missing));
        let outcomes = ids.into_iter().zip(answers).map(|(id, answer)| {
            match answer.and_then(with_short_attachment) {
                Ok(payload) if self.shares_memory => (id, self.envelopes.laid(payload)),
                Ok(payload) => (id, Ok(payload)),
                Err(error) => (id, Err(error.into_request_error())),
            }
        });
        let unreadable = unreadable.into_iter();
        let unreadable = unreadable.map(|(id, why)| (id, Err(RequestError::Unreadable { why })));
        let outcomes: Vec<(u64, Outcome)> = outcomes.chain(unreadable).collect();
        let (answers, must_be_taken) = link::answered(&outcomes, self.shares_memory);
        self.link.send(&Message::Answers {
            number,
            answers,
            must_be_taken,
        })?;
        if must_be_taken {
            let kept = outcomes.into_iter().flat_map(|(_, outcome)| outcome);
            let kept = kept.filter(|payload| !payload.is_of_receiver());
            self.kept.insert(number, kept.collect());
        }
        Ok(())
    }
}

/// An answer that can be sent, or why it cannot.
fn with_short_attachment(payload: Payload) -> Answer {
    match payload.attachment().len() {
        0..=ATTACHMENT_BYTES => Ok(payload),
        bytes => Err(EngineError::broken(format!(
            "the attachment of its answer has {bytes} bytes, more than {ATTACHMENT_BYTES}: put them into the payload"
        ))),
    }
}

/// What a worker is to do next.
#[doc(hidden)]
#[derive(Debug)]
pub enum Next {
    /// Serve it.
    Batch(Batch),
    /// Nothing has come.
    Nothing,
    /// End.
    Leave,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child: they are the parent's, and zenoh's threads are not here.
            std::mem::forget((self._watching.take(), self._token.take()));
            return;
        }
        // Answers that lie in this process's memory are taken first, or not at all.
        let patience = std::time::Instant::now() + Duration::from_secs(1);
        while !self.kept.is_empty() && std::time::Instant::now() < patience && !self.is_alone() {
            if self.next(Duration::from_millis(20)).is_err() {
                break;
            }
        }
        // A session that it has joined with is the application's.
        if self._token.is_none() {
            let _ = self.session.close().wait();
        }
    }
}
