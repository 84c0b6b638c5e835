//! Why a server does not serve.

use std::{io, net::SocketAddr};

/// A server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error(
        "cannot listen at {address} ({cause}): is it in use? choose another, or port 0 for any that is free"
    )]
    Address {
        /// Where it was to listen.
        address: SocketAddr,
        /// What failed.
        cause: io::Error,
    },
    /// A thread cannot be started, or its runtime.
    #[error(
        "no thread can be started ({0}): raise the limit on threads or on open files (ulimit -u, ulimit -n)"
    )]
    Thread(io::Error),
    /// A limit is zero, so that nobody could do anything.
    #[error("the limit {name} is zero: give it one, or leave it as it is by default")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// A message can never be so large.
    #[error(
        "the limit message_bytes is beyond what the protocol can tell of: give it less than 4 GiB"
    )]
    MessageBytes,
    /// The largest message could never come.
    #[error("the limit held_bytes is less than message_bytes: raise it to some such messages")]
    HeldBytes,
}
