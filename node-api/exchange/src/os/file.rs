//! Files of regions: no name before they are whole, never truncated, opened without following links.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags};

use super::Errno;

/// Where regions lie.
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// What a region's file is, apart from what it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inspected {
    pub(crate) is_regular: bool,
    pub(crate) bytes: u64,
    pub(crate) owner: u32,
    pub(crate) has_a_name: bool,
}

fn path_of(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

/// A file without a name, of `bytes` bytes that are there: no access within them raises SIGBUS later.
pub(crate) fn create_unnamed(bytes: u64, mode: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(DIRECTORY, flags, Mode::RUSR | Mode::WUSR)?;
    reserve(&file, bytes)?;
    set_mode(&file, mode)?;
    Ok(file)
}

fn reserve(file: &OwnedFd, bytes: u64) -> Result<(), Errno> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Sets the permissions, whatever the umask.
pub(crate) fn set_mode(file: &OwnedFd, mode: u32) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
}

/// Gives the file its name. `EEXIST` where it is taken.
pub(crate) fn publish(file: &OwnedFd, name: &str) -> Result<(), Errno> {
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, source, CWD, path_of(name), AtFlags::SYMLINK_FOLLOW)
}

/// Never waits: what has the name may be a pipe.
pub(crate) fn open(name: &str, writable: bool) -> Result<OwnedFd, Errno> {
    let access = if writable {
        OFlags::RDWR
    } else {
        OFlags::RDONLY
    };
    let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    rustix::fs::open(path_of(name), flags, Mode::empty())
}

pub(crate) fn inspect(file: &OwnedFd) -> Result<Inspected, Errno> {
    let stat = rustix::fs::fstat(file)?;
    Ok(Inspected {
        is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        bytes: stat.st_size as u64,
        owner: stat.st_uid,
        has_a_name: stat.st_nlink > 0,
    })
}

/// The user to whom what has the name belongs.
pub(crate) fn owner_of(name: &str) -> Result<u32, Errno> {
    Ok(rustix::fs::lstat(path_of(name))?.st_uid)
}

/// The user that this process acts as.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Takes the name away if it means this file.
pub(crate) fn unlink(file: &OwnedFd, name: &str) -> Result<(), Errno> {
    let own = rustix::fs::fstat(file)?;
    let named = rustix::fs::lstat(path_of(name))?;
    if (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino) {
        rustix::fs::unlink(path_of(name))?;
    }
    Ok(())
}

/// Bytes free in [`DIRECTORY`], and how many there are in all.
pub(crate) fn space() -> (u64, u64) {
    rustix::fs::statvfs(DIRECTORY).map_or((0, 0), |space| {
        (
            space.f_bavail * space.f_frsize,
            space.f_blocks * space.f_frsize,
        )
    })
}
