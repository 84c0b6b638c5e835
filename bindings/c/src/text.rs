//! Texts that are written into C's memory.

use std::ffi::{c_char, c_int};

use crate::{
    arguments::{Place, bytes_mut},
    guard,
    status::Status,
    words,
};

/// Answers a call with a text, in C's words.
///
/// # Safety
/// The last three as the header demands of every text: `text` is null or writable for `capacity` bytes, `length` null or a
/// place.
pub(crate) unsafe fn answer(
    said: impl FnOnce() -> Result<String, Status>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as this function demands, twice.
        let (room, length) = unsafe {
            (
                bytes_mut(text.cast(), capacity, "the place for the text")?,
                Place::optional(length),
            )
        };
        let said = words::in_c(&said()?);
        length.store(said.len());
        write(&said, room);
        Ok(())
    })
}

/// As much as there is room for, cut at the end of a character, and a zero.
fn write(text: &str, room: &mut [u8]) {
    let Some(most) = room.len().checked_sub(1) else {
        return;
    };
    let mut fits = most.min(text.len());
    while !text.is_char_boundary(fits) {
        fits -= 1;
    }
    room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
    room[fits] = 0;
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn a_text_is_cut_at_the_end_of_a_character_and_ends_with_a_zero() {
        for (bytes, expected) in [
            (0, &b""[..]),
            (1, b"\0"),
            (2, b"a\0"),
            (3, b"a\0\x09"),
            (4, "a\u{e4}\0".as_bytes()),
            (6, b"a\xc3\xa4b\0\x09"),
        ] {
            let mut room = vec![9; bytes];
            write("a\u{e4}b", &mut room);
            assert_eq!(room, expected, "{bytes}");
        }
    }
}
