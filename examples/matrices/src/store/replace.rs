//! Writes a file whole or not at all, and removes what a killed process left half written.
//!
//! An unfinished file is called `<process>.<number>` and lies in a folder of its own, on the file system
//! of its target, where no reader of Zarr looks. Two files of one process never have the same name; one
//! that exists already is the leftover of a dead process of the same id.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::IntoRawFd as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::StoreError;

static FILES: AtomicU64 = AtomicU64::new(0);

/// Whose unfinished files are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of processes that are gone, while others may be writing. One whose id another process has
    /// got since is left.
    Gone,
    /// All, which is right before and after a run.
    All,
}

/// Writes `parts` one after the other as the file `path`, and says how many bytes they are.
pub(super) fn replace(unfinished: &Path, path: &Path, parts: &[&[u8]]) -> Result<u64, StoreError> {
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let temporary = unfinished.join(format!("{}.{number}", std::process::id()));
    let written = write(&temporary, parts).and_then(|bytes| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&temporary, path)?;
        Ok(bytes)
    });
    written.map_err(|source| {
        // What failed is told; that this may fail as well is not worth a word beside it.
        let _ = fs::remove_file(&temporary);
        StoreError::write(path, source)
    })
}

fn write(path: &Path, parts: &[&[u8]]) -> io::Result<u64> {
    let mut file = match File::create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            File::create(path)?
        }
        opened => opened?,
    };
    let mut bytes = 0;
    for part in parts {
        file.write_all(part)?;
        bytes += part.len() as u64;
    }
    // A file system over a network may say only now that it has no room.
    // SAFETY: the descriptor is this file's alone, which gives it away here.
    unsafe { rustix::io::try_close(file.into_raw_fd()) }?;
    Ok(bytes)
}

/// The process of an unfinished file's name; none for a name of somebody else's.
fn process(name: &str) -> Option<Pid> {
    let (process, number) = name.split_once('.')?;
    number.parse::<u64>().ok()?;
    Pid::from_raw(process.parse().ok()?)
}

pub(super) fn is_unfinished(name: &str) -> bool {
    process(name).is_some()
}

/// How many unfinished files there are.
pub(super) fn count_unfinished(folder: &Path) -> Result<u64, StoreError> {
    Ok(super::chunks::names(folder)?
        .iter()
        .filter(|name| is_unfinished(name))
        .count() as u64)
}

/// Removes the unfinished files in `folder` and says how many they were.
pub(super) fn remove_unfinished(folder: &Path, whose: Whose) -> Result<u64, StoreError> {
    let mut removed = 0;
    for name in super::chunks::names(folder)? {
        let Some(process) = process(&name) else {
            continue;
        };
        if whose == Whose::Gone && test_kill_process(process) != Err(Errno::SRCH) {
            continue;
        }
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            // Its process finished it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::write(&path, error)),
        }
    }
    Ok(removed)
}
