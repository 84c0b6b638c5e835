//! Keeps what a child process writes to stderr, to show it when the child fails.

use std::io::Read;
use std::thread::JoinHandle;

/// A child that writes more than this says the same thing over and over.
const KEPT_BYTES: usize = 64 * 1024;

/// A thread that reads the other end of a child's stderr.
#[derive(Debug)]
pub struct Capture(JoinHandle<Vec<u8>>);

impl Capture {
    /// Reads until the child has closed its end.
    pub fn start(mut from: impl Read + Send + 'static) -> Self {
        Self(std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0; 4096];
            // Read on past the limit, or the child would block on a full pipe.
            while let Ok(length) = from.read(&mut buffer)
                && length > 0
            {
                let room = KEPT_BYTES - kept.len();
                kept.extend_from_slice(&buffer[..length.min(room)]);
            }
            kept
        }))
    }

    /// What the child has written, once it has closed its end.
    pub fn text(self) -> String {
        let kept = self.0.join().unwrap_or_default();
        String::from_utf8_lossy(&kept).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_read_but_not_kept() {
        let text = Capture::start(std::io::repeat(b'x').take(1 << 20)).text();
        assert_eq!(text.len(), KEPT_BYTES);
        assert_eq!(
            Capture::start(&b"no such device\n"[..]).text(),
            "no such device"
        );
    }
}
