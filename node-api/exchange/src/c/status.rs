//! What a call of C answers.

use crate::{ActionError, AttachError, CreateError, Forked, ReadError, Stamp, WriteActionError};

/// `zpx_status`: what went as it should is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Status {
    Ok = 0,
    New = 1,
    NothingNew = 2,
    Overrun = -1,
    Refused = -2,
    Malformed = -3,
    Forked = -4,
    WrongEnd = -5,
    InvalidArgument = -6,
    NotThere = -7,
    NotAllowed = -8,
    WriterAlive = -9,
    OtherLayout = -10,
    NotARegion = -11,
    NoSpace = -12,
    System = -13,
    Panic = -14,
}

impl From<Option<Stamp>> for Status {
    fn from(stamp: Option<Stamp>) -> Self {
        match stamp {
            Some(_) => Self::New,
            None => Self::NothingNew,
        }
    }
}

impl From<&CreateError> for Status {
    fn from(error: &CreateError) -> Self {
        match error {
            CreateError::Name(_) | CreateError::Mode { .. } => Self::InvalidArgument,
            CreateError::WriterAlive(_) => Self::WriterAlive,
            CreateError::OtherLayout { .. } => Self::OtherLayout,
            CreateError::NotARegion { .. } => Self::NotARegion,
            CreateError::OtherOwner { .. } => Self::NotAllowed,
            CreateError::NoSpace { .. } => Self::NoSpace,
            CreateError::System { .. } => Self::System,
        }
    }
}

impl From<&AttachError> for Status {
    fn from(error: &AttachError) -> Self {
        match error {
            AttachError::Name(_) => Self::InvalidArgument,
            AttachError::NotThere { .. } => Self::NotThere,
            AttachError::NotAllowed { .. } => Self::NotAllowed,
            AttachError::WriterAlive(_) => Self::WriterAlive,
            AttachError::OtherLayout { .. } => Self::OtherLayout,
            AttachError::NotARegion { .. } => Self::NotARegion,
            AttachError::System { .. } => Self::System,
        }
    }
}

impl From<&ReadError> for Status {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Overrun => Self::Overrun,
            ReadError::Malformed { .. } => Self::Malformed,
            ReadError::Forked => Self::Forked,
        }
    }
}

impl From<&ActionError> for Status {
    fn from(error: &ActionError) -> Self {
        match error {
            ActionError::Read(error) => error.into(),
            ActionError::Refused(_) => Self::Refused,
        }
    }
}

impl From<&WriteActionError> for Status {
    fn from(error: &WriteActionError) -> Self {
        match error {
            WriteActionError::NothingRead => Self::NothingNew,
            WriteActionError::Weights(_) => Self::InvalidArgument,
            WriteActionError::Forked(_) => Self::Forked,
        }
    }
}

impl From<&Forked> for Status {
    fn from(_: &Forked) -> Self {
        Self::Forked
    }
}
