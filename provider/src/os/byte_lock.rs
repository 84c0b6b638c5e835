//! Open-file-description locks on the first byte of a file: zenoh takes none, so they are this library's own.
//!
//! Such a lock is of an open file, not of a process. It goes with its holder however that ends.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

/// Takes the lock of this kind (`F_RDLCK`, `F_WRLCK`), or gives it up (`F_UNLCK`); waits for nobody.
pub(crate) fn set(file: &OwnedFd, kind: i32) -> Result<(), Errno> {
    fcntl(file, libc::F_OFD_SETLK, kind).map(drop)
}

/// Whether somebody else's lock stands; `true` where the kernel does not say. Takes none.
pub(crate) fn stands(file: &OwnedFd) -> bool {
    let found = fcntl(file, libc::F_OFD_GETLK, libc::F_WRLCK);
    found != Ok(libc::F_UNLCK)
}

fn fcntl(file: &OwnedFd, command: i32, kind: i32) -> Result<i32, Errno> {
    let mut request = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: both commands take a pointer to a `flock`, which lives until the call returns.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut request) };
    match result {
        0 => Ok(i32::from(request.l_type)),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
