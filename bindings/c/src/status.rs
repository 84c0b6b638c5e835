//! What a call of C answers, and which error of the crates below becomes which status.

use zenoh_pinned::{
    AllocError, CopyError, FallbackReason, FrameError, PoolError, SegmentError, StillHeld,
};
use zenoh_pinned_node::pubsub::{DeclareError, OpenError, PutError, ReceiveError};

/// `zp_status`: what went as it should is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    Ok = 0,
    Nothing = 1,
    InvalidArgument = -1,
    NotAHandle = -2,
    Closed = -3,
    Busy = -4,
    Forked = -5,
    PoolFull = -6,
    TimedOut = -7,
    OverBudget = -8,
    NoMemory = -9,
    FrameRefused = -10,
    NotOnTheLine = -11,
    NoDevice = -12,
    ContextLost = -13,
    Cuda = -14,
    Zenoh = -15,
    System = -16,
    Panic = -17,
}

/// zenoh's errors are texts.
pub(crate) fn of_zenoh(error: &zenoh::Error) -> Status {
    let text = error.to_string().to_lowercase();
    if text.contains("key expr") || text.contains("keyexpr") {
        Status::InvalidArgument
    } else if text.contains("closed") {
        Status::Closed
    } else {
        Status::Zenoh
    }
}

impl From<&OpenError> for Status {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Forked => Self::Forked,
            OpenError::TimedOut { .. } => Self::TimedOut,
            OpenError::NoThread(_) => Self::System,
            OpenError::Zenoh(error) => of_zenoh(error),
            _ => Self::Zenoh,
        }
    }
}

impl From<&DeclareError> for Status {
    fn from(error: &DeclareError) -> Self {
        match error {
            DeclareError::Pool(error) => error.into(),
            DeclareError::Zenoh(error) => of_zenoh(error),
            _ => Self::Zenoh,
        }
    }
}

impl From<&PoolError> for Status {
    fn from(error: &PoolError) -> Self {
        match error {
            PoolError::Empty | PoolError::SlotTooLarge { .. } => Self::InvalidArgument,
            PoolError::OverBudget { .. } => Self::OverBudget,
            PoolError::NoSharedMemory {
                reason: FallbackReason::Forked,
            } => Self::Forked,
            PoolError::Segment(error) => error.into(),
            _ => Self::System,
        }
    }
}

impl From<&SegmentError> for Status {
    fn from(error: &SegmentError) -> Self {
        match error {
            SegmentError::OverHostBudget { .. } | SegmentError::OverCgroup { .. } => {
                Self::OverBudget
            }
            SegmentError::NoSpace { .. } | SegmentError::NoFiles { .. } => Self::NoMemory,
            _ => Self::System,
        }
    }
}

impl From<&AllocError> for Status {
    fn from(error: &AllocError) -> Self {
        match error {
            AllocError::ZeroBytes | AllocError::TooLarge { .. } => Self::InvalidArgument,
            AllocError::TimedOut { .. } => Self::PoolFull,
            // Only the closing of the publisher ends a wait.
            AllocError::Interrupted => Self::Closed,
            AllocError::Forked => Self::Forked,
            _ => Self::System,
        }
    }
}

impl From<&PutError> for Status {
    fn from(error: &PutError) -> Self {
        match error {
            PutError::Zenoh(error) => of_zenoh(error),
            PutError::Full { .. } => Self::PoolFull,
            PutError::NotOnTheLine(_) => Self::NotOnTheLine,
            PutError::Forked => Self::Forked,
            _ => Self::Zenoh,
        }
    }
}

impl From<&ReceiveError> for Status {
    fn from(error: &ReceiveError) -> Self {
        match error {
            ReceiveError::Frame(error) => error.into(),
            ReceiveError::TimedOut(_) => Self::Nothing,
            // Only the closing of the subscriber ends a wait.
            ReceiveError::Closed | ReceiveError::Interrupted => Self::Closed,
            ReceiveError::Forked => Self::Forked,
            _ => Self::Zenoh,
        }
    }
}

impl From<&FrameError> for Status {
    fn from(_: &FrameError) -> Self {
        Self::FrameRefused
    }
}

impl From<&StillHeld> for Status {
    fn from(_: &StillHeld) -> Self {
        Self::TimedOut
    }
}

impl From<&CopyError> for Status {
    fn from(error: &CopyError) -> Self {
        match error {
            CopyError::NoDevice { .. } => Self::NoDevice,
            CopyError::Empty | CopyError::Length { .. } => Self::InvalidArgument,
            CopyError::DeviceAllocation { .. } => Self::NoMemory,
            CopyError::ContextLost { .. } => Self::ContextLost,
            CopyError::Forked => Self::Forked,
            _ => Self::Cuda,
        }
    }
}
