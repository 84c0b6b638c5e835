//! What a subscriber hands out, and why it hands out nothing.

use std::time::Duration;

use zenoh::{bytes::ZBytes, key_expr::KeyExpr, time::Timestamp};
use zenoh_pinned::{Frame, FrameError};

/// A frame and what came with it.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceivedFrame {
    /// The bytes. They keep their producer's slot.
    pub frame: Frame,
    /// Where it was published.
    pub key: KeyExpr<'static>,
    /// What was published beside it.
    pub attachment: Option<ZBytes>,
    /// The publisher's time, where its session stamps.
    pub timestamp: Option<Timestamp>,
}

/// Why no frame was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A payload is not what it claims to be; the next one can be received.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// None came in time.
    #[error("no frame within {0:?}")]
    TimedOut(Duration),
    /// The session was closed, and what had been received was taken.
    #[error("the session is closed")]
    Closed,
    /// The wait was ended from outside; see [`zenoh_pinned::bindings::interruptible`].
    #[error("receiving was interrupted")]
    Interrupted,
    /// This process was forked from the one that declared the subscriber.
    #[error(
        "this process was forked from the one that declared the subscriber: open a session in a process that was started with exec"
    )]
    Forked,
}
