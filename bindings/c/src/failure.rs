//! An error of the crates below as the failure of a call.

use std::fmt::Display;

use crate::{
    last_error,
    status::{self, Status},
};

/// An error's status, with its cause kept for this thread.
#[cold]
pub(crate) fn failed<E: Display>(error: E) -> Status
where
    for<'a> &'a E: Into<Status>,
{
    last_error::keep((&error).into(), &error)
}

/// Of zenoh's own error.
#[cold]
pub(crate) fn zenoh(what: &str, error: &zenoh::Error) -> Status {
    last_error::keep(status::of_zenoh(error), &format!("{what}: {error}"))
}
