//! Why there is no line.

use super::{entry::MAX_ATTACHMENT_BYTES, layout::KEY_BYTES, layout::LANES};
use crate::reason::FallbackReason;

/// Why a publisher's frames do not go to a subscriber by a line. Not an error: zenoh carries them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoLine {
    /// The line was switched off by whoever built the publisher or the subscriber, or by `ZENOH_PINNED_LINE=off`.
    #[error("the line is switched off")]
    SwitchedOff,
    /// Both are of one session, and zenoh hands frames over in the thread that publishes.
    #[error("publisher and subscriber share a session, which hands frames over at once")]
    SameSession,
    /// The other process is on another machine, or was started before this machine's last boot.
    #[error("the subscriber is on another machine")]
    OtherHost,
    /// The other process is another user's, whose files this one may not open.
    #[error("the subscriber runs as user {user}: run both processes as one user")]
    OtherUser {
        /// The other one.
        user: u32,
    },
    /// The other process has a `/dev/shm` of its own.
    #[error(
        "the subscriber has another /dev/shm: let both containers share it (docker run --ipc=container:NAME, or \
         --ipc=host)"
    )]
    OtherSharedMemory,
    /// The other process is in another pid namespace, so that its end could not be seen.
    #[error(
        "the subscriber is in another pid namespace, where its end could not be seen: let both containers share it \
         (docker run --pid=container:NAME, or --pid=host)"
    )]
    OtherPidNamespace,
    /// This process cannot tell where it runs.
    #[error("/proc or /dev/shm of this process cannot be read")]
    Nowhere,
    /// The other process speaks another version of the line, or uses another version of zenoh's shared memory.
    #[error("the subscriber speaks another version of the line: use one version of zenoh-pinned")]
    OtherVersion,
    /// zenoh has no shared memory in this process.
    #[error("there is no shared memory in this process: {0}")]
    NoSharedMemory(FallbackReason),
    /// The inbox could not be made or mapped.
    #[error("the inbox cannot be used: {detail}")]
    Inbox {
        /// What the kernel said.
        detail: String,
    },
    /// The subscriber has as many publishers on lines as it can have.
    #[error("the subscriber has lines of {LANES} publishers already")]
    TooManyPublishers,
    /// The key expression is longer than a lane has room for.
    #[error("the key expression has {bytes} bytes, a line takes {KEY_BYTES}: shorten it")]
    KeyTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// An attachment was longer than an entry has room for.
    #[error(
        "an attachment has {bytes} bytes, a line takes {MAX_ATTACHMENT_BYTES}: put more into the frame itself"
    )]
    AttachmentTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A payload was not one whole buffer in shared memory.
    #[error("a payload was not one buffer in shared memory: publish slots of a pool")]
    NotOneBuffer,
    /// The subscriber has ended, or has closed its inbox.
    #[error("the subscriber has ended")]
    Ended,
    /// Something in the inbox cannot have been written by an honest process.
    #[error("the inbox was overwritten by another process")]
    Corrupt,
    /// This process was forked from the one that has the line.
    #[error("this process was forked from the one that has the line")]
    Forked,
}
