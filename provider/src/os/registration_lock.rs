//! One process at a time registers the pages of a segment.
//!
//! Several processes that register one mapping at the same moment make the kernel migrate the same
//! pages under each other, and one of them fails with ENOMEM. The lock is an open-file-description
//! lock (`F_OFD_SETLK`) on the segment file itself: independent of zenoh's `flock`, gone with its
//! holder however that ends, and it leaves no file behind.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

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
            match set_lock(file, libc::F_WRLCK) {
                Ok(()) => return Ok(Self { file }),
                Err(error) if is_contention(&error) && Instant::now() < deadline => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(error) if is_contention(&error) => return Err(Contended),
                // A file system without these locks: registering unserialised is what remains, and
                // a failure of it is handled like any other.
                Err(_) => return Ok(Self { file }),
            }
        }
    }
}

impl Drop for RegistrationLock<'_> {
    fn drop(&mut self) {
        let _ = set_lock(self.file, libc::F_UNLCK);
    }
}

fn is_contention(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAGAIN | libc::EACCES | libc::EINTR)
    )
}

fn set_lock(file: &OwnedFd, kind: i32) -> std::io::Result<()> {
    let request = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: F_OFD_SETLK takes a pointer to a `flock`, which lives until the call returns.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const request) };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
