//! What stands between C and every call.

use std::{
    ffi::c_int,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{last_error, process, status::Status};

/// Runs a call of C's, unless this process is a forked child. The error of `call` has been kept already.
pub(crate) fn guarded(call: impl FnOnce() -> Result<Status, Status>) -> c_int {
    if process::is_forked() {
        return forked() as c_int;
    }
    // What a call uses is of the crates below, which are whole also after a panic, or belongs to the call alone.
    let done = catch_unwind(AssertUnwindSafe(call));
    let status = done.unwrap_or_else(|_| {
        Err(last_error::keep(
            Status::Panic,
            &"a fault of this library, told on standard error: please report it",
        ))
    });
    status.unwrap_or_else(|failure| failure) as c_int
}

/// As [`guarded`], for calls that are well where they do not fail.
pub(crate) fn done(call: impl FnOnce() -> Result<(), Status>) -> c_int {
    guarded(|| call().map(|()| Status::Ok))
}

#[cold]
fn forked() -> Status {
    last_error::keep(
        Status::Forked,
        &"this process was forked from one that uses zenoh_pinned, which does not work across a fork: start processes \
          with exec, or fork before the first call of the library",
    )
}
