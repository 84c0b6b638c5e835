//! Locks on bytes of a file, which end with whoever holds them (`F_OFD_SETLK`, `fcntl(2)`).
//!
//! They belong to the open file: a child that was forked and has not called `exec` keeps them alive with it.

use std::os::fd::{AsRawFd, OwnedFd};

use super::Errno;

/// Takes the lock of a byte without waiting, for this file alone or beside others; `EAGAIN` where somebody has it.
/// Changes a lock that this file has already.
pub(crate) fn take(file: &OwnedFd, byte: u8, alone: bool) -> Result<(), Errno> {
    let kind = if alone { libc::F_WRLCK } else { libc::F_RDLCK };
    control(file, libc::F_OFD_SETLK, &mut request(byte, kind))
}

/// Gives back all locks of a file. Where it is only closed, a child that was forked meanwhile keeps them.
pub(crate) fn release(file: &OwnedFd) {
    let mut all = request(0, libc::F_UNLCK);
    // To the end of the file, and beyond.
    all.l_len = 0;
    let _ = control(file, libc::F_OFD_SETLK, &mut all);
}

/// Whether somebody else has the lock of a byte.
pub(crate) fn is_taken(file: &OwnedFd, byte: u8) -> Result<bool, Errno> {
    let mut asked = request(byte, libc::F_WRLCK);
    control(file, libc::F_OFD_GETLK, &mut asked)?;
    Ok(i32::from(asked.l_type) != libc::F_UNLCK)
}

fn request(byte: u8, kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte.into(),
        l_len: 1,
        l_pid: 0,
    }
}

fn control(file: &OwnedFd, command: i32, request: &mut libc::flock) -> Result<(), Errno> {
    // SAFETY: these commands take a pointer to a `flock`, which lives until the call returns.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut *request) };
    if result == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
