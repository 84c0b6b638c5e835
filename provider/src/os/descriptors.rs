//! The segment files that this process has open, whoever opened them.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

use super::{
    file::{self, Identity},
    mappings::{self, FileMapping},
    proc,
};

/// An open segment file.
#[derive(Debug, Default)]
pub(crate) struct OpenSegment {
    /// The file's size in bytes.
    pub(crate) bytes: u64,
    /// Every descriptor of it: a process that receives its own segments has several.
    pub(crate) descriptors: Vec<RawFd>,
}

/// The files below `/dev/shm` that this process has open, by identity: what it has made itself had no name
/// when it was opened.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is left to list it with.
pub(crate) fn open_segments() -> io::Result<BTreeMap<Identity, OpenSegment>> {
    let mut segments: BTreeMap<Identity, OpenSegment> = BTreeMap::new();
    for number in proc::own_descriptors()? {
        let target = proc::own_link(&format!("fd/{number}"));
        if !target.is_ok_and(|target| target.starts_with(file::DIRECTORY)) {
            continue;
        }
        // SAFETY: the descriptor was open a moment ago and is only asked what it is; one that another
        // thread has closed since is an error or another file.
        if let Ok((identity, bytes)) = file::inspect(unsafe { BorrowedFd::borrow_raw(number) }) {
            let segment = segments.entry(identity).or_default();
            segment.bytes = bytes;
            segment.descriptors.push(number);
        }
    }
    Ok(segments)
}

/// Unlocks the pages of every mapped segment that has this many bytes, whoever locked them.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is left to read it with.
pub(crate) fn unlock_pages_of_segments(bytes: u64) -> io::Result<()> {
    let segments = open_segments()?;
    let is_it = |mapping: &FileMapping| {
        let segment = segments.get(&mapping.identity);
        segment.is_some_and(|segment| segment.bytes == bytes)
    };
    for mapping in mappings::file_mappings()?.filter(is_it) {
        let bytes = mapping.end - mapping.start;
        // SAFETY: unlocking changes no contents; where another thread has unmapped the range since, it fails or
        // unlocks pages of what lies there now, which its owner only notices as page faults.
        let unlocked = unsafe { rustix::mm::munlock(mapping.start as *mut _, bytes) };
        if let Err(error) = unlocked {
            tracing::debug!(%error, "pages stay locked");
        }
    }
    Ok(())
}

/// Opens once more what `descriptor` of this process refers to, named or not: a new open file, which holds
/// none of the other's locks.
pub(crate) fn open_again(descriptor: RawFd) -> Result<OwnedFd, Errno> {
    let path = proc::path_of_descriptor(descriptor);
    rustix::fs::openat(CWD, path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}
