//! Whether this process is the one that made something, without a system call.
//!
//! A page that the kernel empties in a forked child (`MADV_WIPEONFORK`, `madvise(2)`): what was written to it is read
//! as 0 there, also by grandchildren.

use std::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::Errno;

const MADE_HERE: u64 = 1;

/// Tells the process that made it from those that were forked from it.
#[derive(Debug)]
pub(crate) struct ForkMark(NonNull<AtomicU64>);

// SAFETY: the page belongs to the process, and only atomic operations touch it.
unsafe impl Send for ForkMark {}
// SAFETY: as above.
unsafe impl Sync for ForkMark {}

fn page_bytes() -> usize {
    rustix::param::page_size()
}

impl ForkMark {
    pub(crate) fn new() -> Result<Self, Errno> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses a free range, so nothing that is mapped is replaced.
        let page = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                page_bytes(),
                protection,
                MapFlags::PRIVATE,
            )?
        };
        let mark = Self(NonNull::new(page.cast()).ok_or(Errno::NOMEM)?);
        // SAFETY: the page was mapped just now; the advice changes nothing in this process.
        unsafe { rustix::mm::madvise(page, page_bytes(), Advice::LinuxWipeOnFork)? };
        mark.word().store(MADE_HERE, Ordering::Relaxed);
        Ok(mark)
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: the page is mapped while `self` lives, in a forked child as well, and aligned.
        unsafe { self.0.as_ref() }
    }

    /// Whether this is the process that made the mark.
    #[inline]
    pub(crate) fn is_of_this_process(&self) -> bool {
        // Relaxed: the value changes only by a fork, which is no other thread's doing.
        self.word().load(Ordering::Relaxed) == MADE_HERE
    }
}

impl Drop for ForkMark {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no borrow of it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), page_bytes()) };
    }
}
