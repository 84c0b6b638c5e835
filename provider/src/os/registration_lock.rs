//! One process at a time registers the pages of a segment.
//!
//! Several processes that register one mapping at the same moment make the kernel migrate the same
//! pages under each other, and one of them fails with ENOMEM. The lock is an open-file-description
//! lock (`F_OFD_SETLK`) on the segment file itself: independent of zenoh's `flock`, gone with its
//! holder however that ends, and it leaves no file behind.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::io::Errno;

use super::byte_lock;

/// Another process has held the lock for the whole time that was allowed for waiting.
#[derive(Debug)]
pub(crate) struct Contended;

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct RegistrationLock<'a> {
    file: &'a OwnedFd,
}

impl<'a> RegistrationLock<'a> {
    /// Waits up to `patience`; a stopped process may hold the lock for ever.
    pub(crate) fn acquire(file: &'a OwnedFd, patience: Duration) -> Result<Self, Contended> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(200);
        loop {
            match byte_lock::set(file, libc::F_WRLCK) {
                Ok(()) => return Ok(Self { file }),
                Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) if Instant::now() < deadline => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) => return Err(Contended),
                // A file system without these locks. Registering unserialised may fail, and is handled then.
                Err(_) => return Ok(Self { file }),
            }
        }
    }
}

impl Drop for RegistrationLock<'_> {
    fn drop(&mut self) {
        let _ = byte_lock::set(self.file, libc::F_UNLCK);
    }
}
