//! Where supervisors show their pools.
//!
//! In a folder of shared memory for this user alone; a file is named after its process, so that whoever reads it knows
//! whether that still lives.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::PathBuf,
};

/// Where the process that is named so shows its pool of this name; `instance` tells two of one name apart, in letters and
/// digits. The folder is made if it is not there.
///
/// # Errors
/// The folder cannot be made, or another user has made it.
pub fn workers_file(pid: u32, started: u64, instance: &str, pool: &str) -> io::Result<PathBuf> {
    let folder = folder();
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(&folder)?;
    let is_own = found.is_dir() && found.uid() == rustix::process::getuid().as_raw();
    match is_own && found.mode() & 0o077 == 0 {
        true => Ok(folder.join(format!("{pid}-{started}-{instance}-{pool}.json"))),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

pub(super) fn folder() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    PathBuf::from(format!("/dev/shm/zenoh-pinned-workers-{user}"))
}
