//! What can go wrong with a model, one type per operation. What is told to another process keeps its type.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use zenoh_pinned::{CopyError, FrameError};

/// Why there is no lease on a model's weights. Nothing is kept for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The name of the model cannot be one.
    #[error(
        "{name:?} is no name of a model: use 1 to 64 letters, digits, '-', '_' and '.', not '.' first"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// The model is not loaded, and nobody has said where its file is.
    #[error("model {model} is not loaded, and no file of it is known: load it from a path first")]
    NotLoaded {
        /// The model's name.
        model: String,
    },
    /// The model has been loaded from another file.
    #[error(
        "model {model} was loaded from {loaded_from}: unload it first, or give this file another name"
    )]
    OtherSource {
        /// The model's name.
        model: String,
        /// The path that it was loaded from.
        loaded_from: String,
    },
    /// The file is not one that can be used.
    #[error("model {model} cannot be loaded: {why}")]
    Format {
        /// The model's name.
        model: String,
        /// What is wrong with the file, and what to do.
        why: String,
    },
    /// The file could not be read to its end.
    #[error("{path} could not be read at byte {offset}: {cause}; was it changed meanwhile?")]
    Read {
        /// The file.
        path: String,
        /// From which byte on.
        offset: u64,
        /// What the system said.
        cause: String,
    },
    /// Somebody has written to a file while it was read.
    #[error("{path} was changed while it was read: load the model again once it is whole")]
    FileChanged {
        /// The file.
        path: String,
    },
    /// There is no memory for it, although all weights without a lease have gone.
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    /// This process would have more weights than a session may.
    #[error(
        "model {model} has {needed_bytes} bytes, and this session has leases on {leased_bytes} of {quota_bytes} already: end \
         some, or let a session have more (session_bytes)"
    )]
    OverQuota {
        /// The model's name.
        model: String,
        /// Its bytes.
        needed_bytes: u64,
        /// Bytes of the models that the session has leases on.
        leased_bytes: u64,
        /// How many it may have.
        quota_bytes: u64,
    },
    /// Somebody has written into the weights. They were given up: the next load reads the file again.
    #[error(
        "{what} of model {model} is not what was loaded any more: a program of this user wrote into it; ask again, which \
         loads it anew"
    )]
    Changed {
        /// The model's name.
        model: String,
        /// Which part of it.
        what: Changed,
    },
    /// The server is answering as many as it can.
    #[error("the server of models answers {most} others at this moment: ask again")]
    Busy {
        /// How many.
        most: usize,
    },
    /// This process has as many files open as it may have; a lease is one, and each shard another.
    #[error(
        "model {model} cannot be attached: this process has as many files open as it may; raise RLIMIT_NOFILE (ulimit -n)"
    )]
    TooManyOpenFiles {
        /// The model's name.
        model: String,
    },
    /// It took longer than the caller wanted to wait. The load goes on.
    #[error(
        "model {model} was not there within {waited:?}: it is being loaded still; ask again, or wait for longer"
    )]
    TimedOut {
        /// The model's name.
        model: String,
        /// How long the caller has waited.
        waited: Duration,
    },
    /// The caller's wait was ended from outside.
    #[error("the wait for model {model} was interrupted")]
    Interrupted {
        /// The model's name.
        model: String,
    },
    /// The registry is ending.
    #[error("the registry of models is ending")]
    Ending,
    /// This process was forked from the one that made the registry.
    #[error(
        "the registry belongs to the process that this one was forked from: make one here, or start processes with exec"
    )]
    Forked,
    /// The server of models is there, and cannot be talked to.
    #[error("the server of models at {place} cannot be used: {cause}")]
    Server {
        /// The path of its socket.
        place: String,
        /// What is wrong, and what to do.
        cause: String,
    },
    /// The weights lie in memory that this process cannot have.
    #[error("the weights of model {model} cannot be attached: {cause}")]
    Attach {
        /// The model's name.
        model: String,
        /// What is wrong, and what to do.
        cause: String,
    },
}

/// A part of a model's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Changed {
    /// A shard, by its number.
    #[error("shard {0}")]
    Shard(usize),
    /// The table that says what lies where.
    #[error("the table")]
    Table,
}

/// A model does not fit beside those that are in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "model {model} needs {needed_bytes} bytes{}: {}", within(*.free_bytes, .cause.as_deref()),
    holders_in_words(.holders, .cause.is_some())
)]
#[non_exhaustive]
pub struct CapacityError {
    /// The model that was to be loaded.
    pub model: String,
    /// Bytes that it needs.
    pub needed_bytes: u64,
    /// Bytes that are free, as far as the bound of the registry goes.
    pub free_bytes: u64,
    /// The models that stay, and who has leases on them.
    pub holders: Vec<Holder>,
    /// What else had no room, such as the budget of the host.
    pub cause: Option<String>,
}

/// A model that stays, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The model's name.
    pub model: String,
    /// Its bytes.
    pub bytes: u64,
    /// The processes that have a lease on it.
    pub sessions: BTreeSet<u32>,
}

fn within(free_bytes: u64, cause: Option<&str>) -> String {
    match cause {
        Some(cause) => format!(", which could not be had although nothing idle is left ({cause})"),
        None => format!(" and {free_bytes} are free"),
    }
}

fn holders_in_words(holders: &[Holder], is_elsewhere: bool) -> String {
    let remedy = match is_elsewhere {
        true => "see to that, or let models go",
        false => "let them go, or raise the registry's max_bytes()",
    };
    let held = holders.iter().filter(|holder| !holder.sessions.is_empty());
    let words: Vec<_> = held
        .map(
            |Holder {
                 model,
                 bytes,
                 sessions,
             }| {
                let pids: Vec<_> = sessions.iter().map(u32::to_string).collect();
                format!("{model} ({bytes} bytes) is held by {}", pids.join(", "))
            },
        )
        .collect();
    match words.is_empty() {
        true if is_elsewhere => format!("nobody holds any other; {remedy}"),
        true => {
            String::from("nobody holds any, so it is too large; raise the registry's max_bytes()")
        }
        false => format!("{}; {remedy}", words.join("; ")),
    }
}

/// Why a model was not unloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum UnloadError {
    /// It is being loaded at this moment.
    #[error("model {model} is being loaded: ask again once it is there")]
    Loading {
        /// The model's name.
        model: String,
    },
    /// This process was forked from the one that made the registry.
    #[error("the registry belongs to the process that this one was forked from: ask there")]
    Forked,
    /// It is not loaded.
    #[error("model {model} is not loaded")]
    NotLoaded {
        /// The model's name.
        model: String,
    },
    /// As in [`LoadError::Server`].
    #[error("the server of models at {place} cannot be used: {cause}")]
    Server {
        /// The path of its socket.
        place: String,
        /// What is wrong, and what to do.
        cause: String,
    },
}

/// Why weights are not on a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The copy failed.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The weights' memory could not be looked at.
    #[error(transparent)]
    Frame(FrameError),
}
