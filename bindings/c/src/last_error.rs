//! Why the last failing call of this thread failed, in words: the memory belongs to the thread.

use std::{
    cell::RefCell,
    ffi::{CString, c_char},
    fmt::Display,
};

use crate::{status::Status, words};

struct LastError {
    status: Status,
    text: CString,
}

thread_local! {
    static LAST: RefCell<Option<LastError>> = const { RefCell::new(None) };
}

/// Keeps what a call of this thread fails with.
#[cold]
pub(crate) fn keep(status: Status, cause: &dyn Display) -> Status {
    let mut text = words::in_c(&cause.to_string()).into_bytes();
    text.retain(|byte| *byte != 0);
    let text = CString::new(text).unwrap_or_default();
    // Where the thread is ending there is nobody to read it.
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(LastError { status, text });
        }
    });
    status
}

pub(crate) fn status() -> Status {
    let status = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.status));
    status.ok().flatten().unwrap_or(Status::Ok)
}

/// Valid until the thread's next failing call, or its end.
pub(crate) fn text() -> *const c_char {
    let text = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.text.as_ptr()));
    text.ok().flatten().unwrap_or(c"".as_ptr())
}
