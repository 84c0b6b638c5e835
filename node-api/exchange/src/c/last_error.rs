//! Why the last call of this thread failed, in words: the memory belongs to the thread, so nothing is allocated.

use std::{
    cell::RefCell,
    ffi::c_char,
    fmt::{Display, Write},
};

use super::status::Status;

const BYTES: usize = 512;

struct LastError {
    status: Status,
    /// Ends with a null byte.
    text: [u8; BYTES],
    length: usize,
}

impl Write for LastError {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        // The last byte stays null; what does not fit is left out, at the end of a character.
        let room = BYTES - 1 - self.length;
        let mut fits = (0..=room.min(text.len())).rev();
        let taken = fits.find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.text[self.length..][..taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        Ok(())
    }
}

thread_local! {
    static LAST: RefCell<LastError> = const {
        RefCell::new(LastError { status: Status::Ok, text: [0; BYTES], length: 0 })
    };
}

pub(super) fn keep(status: Status, cause: &dyn Display) -> Status {
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            last.status = status;
            last.text = [0; BYTES];
            last.length = 0;
            let _ = write!(last, "{cause}");
        }
    });
    status
}

pub(super) fn status() -> Status {
    LAST.try_with(|last| last.try_borrow().map_or(Status::Ok, |last| last.status))
        .unwrap_or(Status::Ok)
}

/// Valid until the thread's next failing call, or its end.
pub(super) fn text() -> *const c_char {
    LAST.try_with(|last| last.as_ptr())
        // SAFETY: the thread's own memory; nothing writes to it meanwhile.
        .map_or(c"".as_ptr(), |last| unsafe {
            (&raw const (*last).text).cast()
        })
}
