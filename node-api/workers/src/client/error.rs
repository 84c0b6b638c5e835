//! Why there is no way to workers of another process.

use std::time::Duration;

use crate::link::{LinkError, SendError};

/// Why there is no way to workers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name cannot be a pool's.
    #[error("{name:?} cannot be a pool's name: use up to 64 letters, digits, '-', '_' and '.'")]
    Name {
        /// The name.
        name: String,
    },
    /// Nobody of this name answers.
    #[error(
        "no supervisor of {pool:?} has answered within {waited:?}: see that one runs with this name, and that the two sessions connect"
    )]
    NoSupervisor {
        /// Whose.
        pool: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// zenoh refused a declaration.
    #[error("zenoh refused a declaration of the client: {0}")]
    Zenoh(zenoh::Error),
    /// A publisher.
    #[error(transparent)]
    Declare(#[from] zenoh_pinned_node::pubsub::DeclareError),
    /// There is no shared memory for messages.
    #[error(transparent)]
    Pool(#[from] zenoh_pinned::PoolError),
    /// Messages do not reach the supervisor.
    #[error("the supervisor takes no message: {why}")]
    Send {
        /// Why.
        why: String,
    },
    /// No thread could be started.
    #[error("no thread can be started for the client: {0}")]
    NoThread(#[source] std::io::Error),
}

impl From<LinkError> for ConnectError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Declare(error) => Self::Declare(error),
            LinkError::Listen(error) => Self::Zenoh(error),
        }
    }
}

impl From<SendError> for ConnectError {
    fn from(error: SendError) -> Self {
        Self::Send {
            why: error.to_string(),
        }
    }
}
