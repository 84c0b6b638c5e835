//! What a process and the server of models say to each other, over a connection that is made for one question.
//!
//! Where the answer is a lease, the connection *is* the lease: it ends when either end closes it, and the kernel closes it
//! with the process. So no lease outlives its process, and none needs a sign of life.
//!
//! Both ends are of one user, and either can be a program with other intentions: what comes is bounded and checked.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use zenoh_pinned::bindings::descriptor::Descriptor;

use crate::{
    error::{LoadError, UnloadError},
    registry::RegistryStatistics,
};

/// Both ends speak the same, or say so.
pub(crate) const VERSION: u32 = 1;
/// The longest question.
pub(crate) const MAX_QUESTION_BYTES: usize = 64 << 10;
/// The longest answer: descriptors of many shards, or a long list.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;
/// How often a load's progress is told, which says also that the server is alive.
pub(crate) const TELL_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) version: u32,
    pub(crate) ask: Ask,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    Lease {
        model: String,
        source: Option<PathBuf>,
        patience: Duration,
    },
    Unload {
        model: String,
    },
    Statistics,
    /// The bytes of a model are not what they were, as somebody has found.
    Check {
        model: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The server speaks another version, this one.
    Version(u32),
    /// A load is under way: bytes read, of how many.
    Progress(u64, u64),
    Leased(Lease),
    Refused(LoadError),
    Unloaded(Result<usize, UnloadError>),
    Statistics(Box<RegistryStatistics>),
    /// Whether they are as loaded.
    Checked(bool),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) manifest: [u8; Descriptor::BYTES],
    pub(crate) manifest_checksum: u32,
    pub(crate) shards: Vec<[u8; Descriptor::BYTES]>,
    /// Where the model is from, for the day when the server has gone.
    pub(crate) source: PathBuf,
}
