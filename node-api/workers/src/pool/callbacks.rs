//! What an application is told of, as it happens.
//!
//! Callbacks run on the threads of the supervisor, outside of its locks, so they have to be short; a panic in one is
//! reported by its hook and goes no further.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::request::{Priority, RequestError};

/// A worker that something has happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerEvent {
    /// The pool's name.
    pub pool: Arc<str>,
    /// Its place in the pool.
    pub seat: usize,
    /// How manieth process it is there.
    pub incarnation: u64,
    /// Its process, where it is known.
    pub pid: Option<u32>,
}

/// Why a worker was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictReason {
    /// There are more than are needed.
    Surplus,
    /// The host is short of memory.
    Pressure,
    /// It uses more memory than it may.
    Memory,
    /// It has given no sign of life.
    Silent,
    /// It took longer for a batch, or to load, than it may.
    Late,
    /// Its answer to the deep check was wrong.
    WrongAnswer,
    /// The workers are being closed.
    Closing,
}

impl fmt::Display for EvictReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Surplus => "surplus",
            Self::Pressure => "pressure",
            Self::Memory => "memory",
            Self::Silent => "silent",
            Self::Late => "late",
            Self::WrongAnswer => "wrong answer",
            Self::Closing => "closing",
        })
    }
}

/// A request that has been told its answer, or that it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed {
    /// How urgent it was.
    pub priority: Priority,
    /// From being accepted to its answer.
    pub took: Duration,
    /// Why it has none.
    pub error: Option<RequestError>,
}

type OnWorker = Arc<dyn Fn(&WorkerEvent) + Send + Sync>;
type OnEvicted = Arc<dyn Fn(&WorkerEvent, EvictReason) + Send + Sync>;
type OnCompleted = Arc<dyn Fn(&Completed) + Send + Sync>;

/// See [`WorkersBuilder`](super::WorkersBuilder).
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(super) spawned: Option<OnWorker>,
    pub(super) ready: Option<OnWorker>,
    pub(super) evicted: Option<OnEvicted>,
    pub(super) completed: Option<OnCompleted>,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Callbacks")
    }
}

/// What has happened to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Spawned,
    Ready,
    Evicted(EvictReason),
}

impl Callbacks {
    pub(super) fn tell(&self, happened: Happened, event: &WorkerEvent) {
        let call = || match happened {
            Happened::Spawned => self.spawned.iter().for_each(|call| call(event)),
            Happened::Ready => self.ready.iter().for_each(|call| call(event)),
            Happened::Evicted(reason) => self.evicted.iter().for_each(|call| call(event, reason)),
        };
        let _ = catch_unwind(AssertUnwindSafe(call));
    }

    pub(super) fn complete(&self, completed: &Completed) {
        if let Some(call) = &self.completed {
            let _ = catch_unwind(AssertUnwindSafe(|| call(completed)));
        }
    }
}
