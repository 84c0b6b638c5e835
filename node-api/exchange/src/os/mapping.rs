//! A mapped file, as words.

use std::{os::fd::OwnedFd, ptr::NonNull, sync::atomic::AtomicU64};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::Errno;

/// A shared mapping of a whole file. A forked child does not have it.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is only touched by atomic operations.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `words` words of a file that is at least as long.
    pub(crate) fn of(file: &OwnedFd, words: usize, is_writable: bool) -> Result<Self, Errno> {
        let protection = if is_writable {
            ProtFlags::READ | ProtFlags::WRITE
        } else {
            ProtFlags::READ
        };
        let bytes = words * size_of::<AtomicU64>();
        // SAFETY: the kernel chooses a free range, so nothing that is mapped is replaced.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                // Present at once, so that no page fault falls into a write or a read.
                MapFlags::SHARED | MapFlags::POPULATE,
                file,
                0,
            )?
        };
        let mapping = Self {
            base: NonNull::new(base.cast()).ok_or(Errno::NOMEM)?,
            words,
        };
        // SAFETY: the range was mapped just now; the advice changes nothing in this process.
        unsafe { rustix::mm::madvise(base, bytes, Advice::LinuxDontFork)? };
        Ok(mapping)
    }

    /// The words. They may be stored to only where the mapping was made writable.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `words` words are mapped at the page-aligned `base` while `self` lives. Loads of 64 bits are allowed
        // in memory that may only be read, and other processes touch the words by whole words or not at all.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.words) }
    }

    /// Forgets a mapping that a forked child does not have: what is at its address there may be somebody else's.
    pub(crate) fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let bytes = self.words * size_of::<AtomicU64>();
        // SAFETY: mapped by `of`, and no borrow of it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), bytes) };
    }
}
