//! A folder for a socket, for this user alone, which goes with whoever made it.
//!
//! A lock on a file in it, which the kernel lets go of at the process's end, says that it is in use; so a folder that a
//! killed process has left is known as such, also where its pid means nothing here.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use zenoh_pinned::bindings::runtime_folder;

const PREFIX: &str = "zpin-workers-";
const UNLOCKED: &str = "zpin-making-";
const LOCK: &str = "lock";

/// Removed when it is dropped; what a killed process has left, when the next one is made.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    made_by: u32,
    _lock: File,
}

impl Folder {
    pub(crate) fn new() -> io::Result<Self> {
        let base = runtime_folder();
        remove_unused(&base);
        let pid = std::process::id();
        for attempt in 0..1000 {
            let path = base.join(format!("{PREFIX}{pid}-{attempt}"));
            // Under another name until it is locked: nobody takes it for one that was left.
            let unlocked = base.join(format!("{UNLOCKED}{pid}-{attempt}"));
            if path.exists() {
                continue;
            }
            match fs::DirBuilder::new().mode(0o700).create(&unlocked) {
                Ok(()) => {
                    let lock = File::create(unlocked.join(LOCK))?;
                    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
                    fs::rename(&unlocked, &path)?;
                    return Ok(Self {
                        path,
                        made_by: pid,
                        _lock: lock,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A forked child's is its parent's.
        if self.made_by == std::process::id() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn remove_unused(base: &Path) {
    let own = rustix::process::getuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_one = name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_own = |found: fs::Metadata| found.uid() == own && found.is_dir();
        if !is_one || !entry.metadata().is_ok_and(is_own) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_this_user_alone_and_goes_with_its_owner() {
        let first = Folder::new().unwrap();
        let second = Folder::new().unwrap();
        let path = first.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        drop(first);
        assert!(!path.exists() && second.path().exists());
    }

    #[test]
    fn what_a_killed_process_has_left_goes_when_the_next_folder_is_made() {
        let left = runtime_folder().join(format!("{PREFIX}left-{}", std::process::id()));
        fs::create_dir(&left).unwrap();
        File::create(left.join(LOCK)).unwrap();
        let _folder = Folder::new().unwrap();
        assert!(!left.exists());
    }
}
