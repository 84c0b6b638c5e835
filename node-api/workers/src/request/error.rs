//! Why there is no answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a request has no answer: it was refused, or it was accepted and failed. Either is said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Refused: the queue is full.
    #[error(
        "{queued} requests wait already, as many as may: send fewer, or let it have more workers or a longer queue()"
    )]
    Full {
        /// How many wait.
        queued: usize,
    },
    /// Refused: too many requests have failed of late, so none is tried for a while.
    #[error(
        "requests have failed one after the other, so the breaker is open: ask again in {retry_after:?}, and see the workers' logs"
    )]
    BreakerOpen {
        /// When one is tried again.
        retry_after: Duration,
    },
    /// Refused: the payload cannot be sent.
    #[error("{bytes} bytes of {what} are more than {most}: {remedy}")]
    TooLarge {
        /// Of what.
        what: String,
        /// How many there are.
        bytes: usize,
        /// The most that there may be.
        most: usize,
        /// What to do.
        remedy: String,
    },
    /// Refused: there is no shared memory to lay the payload in.
    #[error("there is no slot for the payload: {why}")]
    NoMemory {
        /// What the pool said.
        why: String,
    },
    /// Refused: the supervisor stands still, and has not read what was sent before.
    #[error(
        "the supervisor takes no requests at this moment ({why}): see whether its process is stopped or overloaded"
    )]
    NotTaken {
        /// What the line says.
        why: String,
    },
    /// Refused: the workers are being closed.
    #[error("the workers are being closed")]
    Closing,
    /// Nobody had answered by its deadline.
    #[error("it was not answered by its deadline: give it longer, or let there be more workers")]
    Expired,
    /// Each worker that had it has died of it, or at least with it.
    #[error(
        "{deaths} workers have died with it, so it is given to no other: see their logs for what is wrong with it"
    )]
    Poisoned {
        /// How many.
        deaths: u32,
    },
    /// The engine has refused it.
    #[error("the engine failed: {message}")]
    Engine {
        /// What it said.
        message: String,
    },
    /// The engine is broken, as far as this request can tell: it panicked, or forgot it.
    #[error("the engine broke: {message}")]
    EngineBroke {
        /// How.
        message: String,
    },
    /// There is no worker, and none can be started.
    #[error("no worker can be started: {why}")]
    NoWorker {
        /// What stands in the way.
        why: String,
    },
    /// What came cannot be read: the request's payload where it was to be served, or its answer here.
    #[error("its bytes cannot be read: {why}")]
    Unreadable {
        /// Why.
        why: String,
    },
    /// The supervisor's process has ended, or cannot be reached any more.
    #[error(
        "the supervisor of these workers has gone: start it again; whether the request was served is not known"
    )]
    SupervisorGone,
    /// The wait was ended from outside; see [`zenoh_pinned::bindings::interruptible`].
    #[error("waiting for the answer was interrupted")]
    Interrupted,
    /// This process was forked from the one that the workers belong to.
    #[error(
        "this process was forked from the one that the workers belong to: connect in a process that was started with exec"
    )]
    Forked,
}

impl RequestError {
    /// A word for it, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::TooLarge { .. } => "too_large",
            Self::NoMemory { .. } => "no_memory",
            Self::NotTaken { .. } => "not_taken",
            Self::Closing => "closing",
            Self::Expired => "expired",
            Self::Poisoned { .. } => "poisoned",
            Self::Engine { .. } => "engine",
            Self::EngineBroke { .. } => "engine_broke",
            Self::NoWorker { .. } => "no_worker",
            Self::Unreadable { .. } => "unreadable",
            Self::SupervisorGone => "supervisor_gone",
            Self::Interrupted => "interrupted",
            Self::Forked => "forked",
        }
    }
}
