//! What C passes, made into what Rust takes.
//!
//! Pointers cannot be checked but for NULL; the header says what they have to be.

use std::{
    ffi::{CStr, c_char, c_void},
    slice,
};

use crate::{last_error, status::Status};

/// Refuses an argument, with the reason.
#[cold]
pub(crate) fn invalid(why: &str) -> Status {
    last_error::keep(Status::InvalidArgument, &why)
}

fn null(what: &str) -> Status {
    invalid(&format!("{what} is NULL, and has to point to something"))
}

/// Somewhere to store an answer.
#[derive(Debug)]
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// One that has to be there.
    ///
    /// # Safety
    /// Null, or writable and aligned for a `T` for as long as the call.
    pub(crate) unsafe fn needed(place: *mut T, what: &str) -> Result<Self, Status> {
        match place.is_null() {
            true => Err(null(what)),
            false => Ok(Self(place)),
        }
    }

    /// One that may be left out.
    ///
    /// # Safety
    /// As with [`Place::needed`].
    pub(crate) unsafe fn optional(place: *mut T) -> Self {
        Self(place)
    }

    pub(crate) fn store(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: writable and aligned, as whoever made this has promised.
            unsafe { self.0.write(value) };
        }
    }
}

/// A text that has to be there.
///
/// # Safety
/// Null, or a string that ends with a zero and stays as it is during the call.
pub(crate) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Status> {
    if text.is_null() {
        return Err(null(what));
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map_err(|error| invalid(&format!("{what} is not UTF-8: {error}")))
}

/// Bytes; none where there are zero, wherever the pointer points then.
///
/// # Safety
/// Null, or readable for `count` elements that stay as they are during the call.
pub(crate) unsafe fn list<'a, T>(
    first: *const T,
    count: usize,
    what: &str,
) -> Result<&'a [T], Status> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(what)),
        // SAFETY: as the caller promises.
        (false, _) => Ok(unsafe { slice::from_raw_parts(first, count) }),
    }
}

/// Bytes to be written.
///
/// # Safety
/// Null, or writable for `bytes` bytes that nobody else uses during the call.
pub(crate) unsafe fn bytes_mut<'a>(
    first: *mut c_void,
    bytes: usize,
    what: &str,
) -> Result<&'a mut [u8], Status> {
    match (first.is_null(), bytes) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null(what)),
        // SAFETY: as the caller promises.
        (false, _) => Ok(unsafe { slice::from_raw_parts_mut(first.cast(), bytes) }),
    }
}

/// Options; `None` for null.
///
/// # Safety
/// Null, or of the type's size, aligned, and as it is during the call.
pub(crate) unsafe fn options<'a, T>(options: *const T) -> Option<&'a T> {
    // SAFETY: as the caller promises.
    unsafe { options.as_ref() }
}

/// Options that a program has set which this version does not know.
pub(crate) fn check_reserved(reserved: [u64; 4]) -> Result<(), Status> {
    match reserved {
        [0, 0, 0, 0] => Ok(()),
        _ => Err(invalid(
            "the reserved fields of the options are not zero: initialize the structure ({0}), or use the library that \
             the program was compiled for",
        )),
    }
}
