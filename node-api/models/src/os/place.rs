//! Where a server of models is: a socket in a folder that only this user may enter.
//!
//! A lock on a file beside it, which the kernel lets go of at the process's end, says that somebody serves there; a socket
//! that a killed server has left is known so.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use zenoh_pinned::bindings::runtime_folder;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    folder: PathBuf,
    name: String,
}

impl Place {
    /// The place of this name for this user.
    pub(crate) fn named(name: &str) -> Self {
        let user = rustix::process::getuid().as_raw();
        Self {
            folder: runtime_folder().join(format!("zpin-models-{user}")),
            name: name.to_owned(),
        }
    }

    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(format!("{}.socket", self.name))
    }

    /// Takes the place for this process; makes the folder where there is none.
    ///
    /// # Errors
    /// `AddrInUse` where somebody serves there, with his pid in words; `PermissionDenied` where the folder is not this user's
    /// alone.
    pub(crate) fn take(&self) -> io::Result<Taken> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        self.check()?;
        let lock = self.lock()?;
        match fs::remove_file(self.socket()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Taken {
            socket: self.socket(),
            lock_path: self.lock_path(),
            made_by: std::process::id(),
            _lock: lock,
        })
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.name))
    }

    /// The lock, with this process's pid in its file.
    fn lock(&self) -> io::Result<File> {
        let path = self.lock_path();
        loop {
            let mut options = OpenOptions::new();
            let options = options.create(true).truncate(false).write(true).read(true);
            let lock = options.mode(0o600).open(&path)?;
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    let pid = fs::read_to_string(&path).unwrap_or_default();
                    let words = format!(
                        "process {} serves models there, or one that was forked from it",
                        pid.trim()
                    );
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, words));
                }
                Err(error) => return Err(error.into()),
            }
            // Whoever had it may have removed the file meanwhile, and then it is nobody's place any more.
            let has_name = fs::symlink_metadata(&path)
                .is_ok_and(|found| lock.metadata().is_ok_and(|own| own.ino() == found.ino()));
            if has_name {
                fs::write(&path, std::process::id().to_string())?;
                return Ok(lock);
            }
        }
    }

    /// That nobody else can have put something into the folder.
    pub(crate) fn check(&self) -> io::Result<()> {
        let found = fs::symlink_metadata(&self.folder)?;
        let user = rustix::process::getuid().as_raw();
        let is_private = found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0;
        match is_private {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{} is not a folder of this user alone: remove it, or set XDG_RUNTIME_DIR",
                    self.folder.display()
                ),
            )),
        }
    }
}

/// A place that this process serves at, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    socket: PathBuf,
    lock_path: PathBuf,
    made_by: u32,
    _lock: File,
}

impl Taken {
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A forked child's is its parent's.
        if self.made_by == std::process::id() {
            let _ = fs::remove_file(&self.socket);
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_serves_at_a_place_and_what_it_leaves_does_not_hinder_the_next() {
        let place = Place::named(&format!("test-{}", std::process::id()));
        let taken = place.take().unwrap();
        let error = place.take().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&std::process::id().to_string()));
        fs::write(taken.socket(), "left by a killed one").unwrap();
        std::mem::drop(taken);
        fs::write(place.socket(), "left by a killed one").unwrap();
        let taken = place.take().unwrap();
        assert!(!taken.socket().exists());
        drop(taken);
        assert!(!place.lock_path().exists());
    }

    #[test]
    fn a_folder_that_others_may_enter_is_no_place() {
        let folder = std::env::temp_dir().join(format!("zpin-place-{}", std::process::id()));
        DirBuilder::new().mode(0o755).create(&folder).unwrap();
        let place = Place {
            folder: folder.clone(),
            name: String::from("default"),
        };
        let error = place.take().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        fs::remove_dir(folder).unwrap();
    }
}
