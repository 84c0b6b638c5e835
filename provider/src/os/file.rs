//! Segment files: creation that no cleaner can interrupt, opening, locking, unlinking.
//!
//! Every zenoh process unlinks each `/dev/shm/*.zenoh` that it can lock exclusively. A file that is
//! created by name and locked afterwards can therefore be unlinked in between; here the file has no
//! name until it is locked and full size (`O_TMPFILE`, `flock`, `fallocate`, `linkat`).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::{
    fs::{AtFlags, CWD, FallocateFlags, FileType, FlockOperation, Mode, OFlags, SeekFrom},
    io::Errno,
};

use super::proc;

/// Where zenoh keeps its segments on Linux.
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// What identifies a file whatever its name: device number and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// As `stat` gives it.
    pub device: u64,
    /// Zero for no file.
    pub inode: u64,
}

/// The path of the segment `id`.
pub(crate) fn path_of(id: u32) -> String {
    format!("{DIRECTORY}/{id}.zenoh")
}

/// The id of the segment that a path names; `None` for any other path.
pub(crate) fn segment_named(path: &str) -> Option<u32> {
    let name = path.strip_prefix(DIRECTORY)?.strip_prefix('/')?;
    name.strip_suffix(".zenoh")?.parse().ok()
}

/// The segments that have a name, with what identifies their files.
pub(crate) fn named_segments() -> impl Iterator<Item = (u32, Identity)> {
    let ids = named_ids().into_iter().flatten();
    ids.filter_map(|id| Some((id, identity_of(id).ok()?)))
}

/// The ids of the segments that have a name.
pub(crate) fn named_ids() -> Result<impl Iterator<Item = u32>, Errno> {
    let entries = std::fs::read_dir(DIRECTORY)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(entries.filter_map(|entry| segment_named(entry.ok()?.path().to_str()?)))
}

/// What file the name of segment `id` means.
pub(crate) fn identity_of(id: u32) -> Result<Identity, Errno> {
    let stat = rustix::fs::lstat(path_of(id))?;
    Ok(Identity {
        device: stat.st_dev,
        inode: stat.st_ino,
    })
}

/// Gives the memory of a part of the file back; what is read there afterwards is zero.
pub(crate) fn discard(file: &OwnedFd, from: u64, bytes: u64) -> Result<(), Errno> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    loop {
        match rustix::fs::fallocate(file, flags, from, bytes) {
            Err(Errno::INTR) => continue,
            result => return result,
        }
    }
}

/// A file without a name in [`DIRECTORY`], locked shared, mode 0600.
pub(crate) fn create_unnamed() -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(DIRECTORY, flags, Mode::RUSR | Mode::WUSR)?;
    lock_shared(&file)?;
    Ok(file)
}

/// Why no segment can be made here however much is freed; `None` where one can be made, or where only room or
/// descriptors are short just now.
pub(crate) fn why_none_can_be_made() -> Option<String> {
    match create_unnamed() {
        Ok(file) if !std::path::Path::new(&proc::path_of_descriptor(file.as_raw_fd())).exists() => {
            Some(String::from("/proc is not mounted"))
        }
        Err(
            error @ (Errno::OPNOTSUPP
            | Errno::ISDIR
            | Errno::INVAL
            | Errno::NOENT
            | Errno::NOTDIR
            | Errno::ROFS
            | Errno::ACCESS),
        ) => Some(format!(
            "{DIRECTORY} takes no file without a name (O_TMPFILE): {error}"
        )),
        _ => None,
    }
}

/// Reserves storage for `bytes` of the file, which it is made long enough for; afterwards no access within them can raise SIGBUS.
pub(crate) fn reserve(file: &OwnedFd, from: u64, bytes: u64) -> Result<(), Errno> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), from, bytes) {
            Err(Errno::INTR) => continue,
            result => return result,
        }
    }
}

/// Gives the file the name of segment `id`. `EEXIST` where that name is taken.
pub(crate) fn publish(file: &OwnedFd, id: u32) -> Result<(), Errno> {
    let source = proc::path_of_descriptor(file.as_raw_fd());
    rustix::fs::linkat(CWD, source, CWD, path_of(id), AtFlags::SYMLINK_FOLLOW)
}

/// Opens the segment `id` for reading and writing, without locking it. Never waits: what has the name may
/// be a pipe, or a file with a lease of somebody who is slow to give it up.
pub(crate) fn open(id: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    rustix::fs::open(path_of(id), flags, Mode::empty())
}

/// Opens the segment `id` for looking at it; otherwise as [`open`].
pub(crate) fn open_to_look(id: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    rustix::fs::open(path_of(id), flags, Mode::empty())
}

/// What stands in the file from `from` on, at most `most` bytes: fewer where it ends before.
pub(crate) fn read_at(file: impl AsFd, from: u64, most: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; most];
    let mut length = 0;
    while length < most {
        match rustix::io::pread(&file, &mut bytes[length..], from + length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Takes the shared lock that says "this segment is in use"; `EWOULDBLOCK` where a cleaner holds it.
pub(crate) fn lock_shared(file: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockShared)
}

/// Gives up the lock that was taken through this descriptor.
pub(crate) fn unlock(file: impl AsFd) {
    let _ = rustix::fs::flock(file, FlockOperation::Unlock);
}

/// The file's identity and size in bytes; an error for anything but a regular file.
pub(crate) fn inspect(file: impl AsFd) -> Result<(Identity, u64), Errno> {
    let stat = rustix::fs::fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let size = u64::try_from(stat.st_size).map_err(|_| Errno::INVAL)?;
    Ok((
        Identity {
            device: stat.st_dev,
            inode: stat.st_ino,
        },
        size,
    ))
}

/// The size of a regular file in bytes; moves its position, which nobody uses. Costs half of [`inspect`], which an
/// allocation feels.
pub(crate) fn length(file: impl AsFd) -> Result<u64, Errno> {
    rustix::fs::seek(file, SeekFrom::End(0))
}

/// Whom a file belongs to, and what its mode lets anybody do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) owner: u32,
    /// The permission bits.
    pub(crate) mode: u32,
}

impl Access {
    /// Of an open file.
    pub(crate) fn of(file: impl AsFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(file)?;
        Ok(Self {
            owner: stat.st_uid,
            mode: stat.st_mode & 0o7777,
        })
    }

    /// Whether nobody but the user of this process can open the file, as zenoh makes its segments.
    pub(crate) fn is_of_this_user_alone(self) -> bool {
        self.owner == rustix::process::geteuid().as_raw() && self.mode & 0o077 == 0
    }
}

/// Unlinks the segment `id` if `file`, which holds its shared lock, is its last holder.
///
/// zenoh's rule: whoever can turn the shared lock into an exclusive one is the last. The name is left
/// alone where it has come to mean another file.
pub(crate) fn unlink_if_last(file: impl AsFd, id: u32) {
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        // The attempt has cost the shared lock, which says that this process still has the file.
        let _ = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
        return;
    }
    let ours = inspect(&file).map(|(identity, _)| identity);
    let named = open(id).and_then(|named| inspect(&named).map(|(identity, _)| identity));
    if let (Ok(ours), Ok(named)) = (ours, named)
        && ours == named
    {
        let _ = rustix::fs::unlink(path_of(id));
    }
}

/// The permission bits of [`DIRECTORY`]; `None` where there is no such folder.
pub(crate) fn mode() -> Option<u32> {
    let stat = rustix::fs::stat(DIRECTORY).ok()?;
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    is_folder.then_some(stat.st_mode & 0o7777)
}

/// Free and total number of files of the file system below [`DIRECTORY`]; `None` where it counts none.
pub(crate) fn number_of_files() -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(DIRECTORY).ok()?;
    (stat.f_files > 0).then_some((stat.f_favail, stat.f_files))
}

/// Whether no file can be added below [`DIRECTORY`], however many bytes are free; the total number if so.
pub(crate) fn files_used_up() -> Option<u64> {
    number_of_files().and_then(|(free, total)| (free == 0).then_some(total))
}

/// Free and total bytes of the file system below [`DIRECTORY`].
pub(crate) fn space() -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(DIRECTORY).ok()?;
    Some((
        stat.f_bavail.saturating_mul(stat.f_frsize),
        stat.f_blocks.saturating_mul(stat.f_frsize),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_may_open_or_own_is_not_this_users_alone() {
        let owner = rustix::process::geteuid().as_raw();
        let private = |owner, mode| Access { owner, mode }.is_of_this_user_alone();
        assert!(private(owner, 0o600));
        for mode in [0o640, 0o620, 0o604, 0o602, 0o666] {
            assert!(!private(owner, mode), "{mode:o}");
        }
        assert!(!private(owner + 1, 0o600));
    }

    #[test]
    fn only_zenohs_names_are_segments() {
        assert_eq!(segment_named(&path_of(7)), Some(7));
        for other in [
            "/dev/shm/7.zenoh (deleted)",
            "/dev/shm/x.zenoh",
            "/dev/shm/7",
            "/tmp/7.zenoh",
        ] {
            assert_eq!(segment_named(other), None);
        }
    }
}
