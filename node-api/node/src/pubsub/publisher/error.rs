//! Why there is no publisher, and why a frame was not published.

use std::time::Duration;

use zenoh_pinned::{PoolError, bindings::line::NoLine};

/// Why no publisher was declared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// The pool could not be made.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// zenoh refused the key expression, or the session is closed.
    #[error("the publisher could not be declared: {0}")]
    Zenoh(zenoh::Error),
}

/// Why a frame was not published; its slot is back in the pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// zenoh's own: the session is closed.
    #[error("zenoh did not take the frame: {0}")]
    Zenoh(zenoh::Error),
    /// A subscriber that refuses to lose frames has had no room for as long as an allocation waits. Nobody got the frame.
    #[error(
        "process {pid} has had no room for the frame for {waited:?}: it reads too slowly (Overflow::Refuse); put the \
         frame again, or wait longer (PinnedPublisherBuilder::wait)"
    )]
    Full {
        /// The subscriber's process.
        pid: u32,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The wait for such a subscriber was ended from outside; see [`zenoh_pinned::bindings::interruptible`]. Nobody got
    /// the frame.
    #[error("publishing was interrupted")]
    Interrupted,
    /// The publisher says that it is alone on its key, so its subscribers listen to nothing but lines, and this frame
    /// cannot go by one.
    #[error("the frame cannot go by a line, and this publisher has no other way (alone()): {0}")]
    NotOnTheLine(NoLine),
    /// This process was forked from the one that declared the publisher.
    #[error(
        "this process was forked from the one that declared the publisher: open a session in a process that was started with exec"
    )]
    Forked,
}
