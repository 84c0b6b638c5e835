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
    /// A source's name is none.
    #[error(
        "a source is called {name:?}: use small letters, digits and _, from a letter on, 32 at most, and not at, stats or version"
    )]
    SourceName {
        /// The name.
        name: String,
    },
    /// Two sources have one name.
    #[error("two sources are called {name}: leave one out")]
    SourceTwice {
        /// The name.
        name: String,
    },
    /// A card's name is none.
    #[error(
        "a card is called {name:?}: use small letters, digits and _, from a letter on, 32 at most, and not at, stats or version"
    )]
    CardName {
        /// The name.
        name: String,
    },
    /// Two cards have one name.
    #[error("two cards are called {name}: leave one out, or rename it")]
    CardTwice {
        /// The name.
        name: String,
    },
    /// A host's name is none.
    #[error("{name:?} is no name of a host: give it without scheme, port and path")]
    HostName {
        /// The name.
        name: String,
    },
}
