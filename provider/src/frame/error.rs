//! Why a payload is not a frame.

/// Why a received payload cannot be used. Its bytes were not touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The buffer claims bytes outside the segment that it lies in: a broken or hostile producer.
    #[error(
        "the buffer claims {bytes} bytes that do not all lie in its segment: the producer is broken or hostile"
    )]
    OutsideSegment {
        /// The length that the message claimed, in bytes.
        bytes: usize,
    },
    /// The segment's file has been truncated since it was attached: reading the buffer would raise SIGBUS.
    #[error(
        "the segment of the buffer has been truncated, its {bytes} bytes are no longer all there: another process \
         of this user has damaged it; restart the producer"
    )]
    Truncated {
        /// The length of the buffer in bytes.
        bytes: usize,
    },
    /// The kernel could not be asked whether the buffer is all there, so it was not read.
    #[error(
        "it cannot be verified that the buffer lies in its segment ({error}): mount /proc, or raise the limit of open files (ulimit -n)"
    )]
    Unverifiable {
        /// What the kernel said.
        error: std::io::Error,
    },
    /// zenoh's watchdog has invalidated the buffer: its producer was stopped for too long or has died.
    #[error(
        "zenoh has invalidated the buffer: its producer was stopped for too long, or this process was"
    )]
    Invalidated,
    /// The producer's memory could not be attached, so the frame is lost.
    #[error("the producer's memory cannot be attached: {detail}")]
    NotAttached {
        /// What stood in the way, and what to do.
        detail: String,
    },
}

impl FrameError {
    pub(super) fn unverifiable(error: std::io::Error) -> Self {
        Self::Unverifiable { error }
    }
}
