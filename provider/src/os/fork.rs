//! Which of the processes that were forked from each other this one is, without a system call.
//!
//! Holds: one page for the whole process that the kernel empties in a forked child (`MADV_WIPEONFORK`, Linux 4.14), and
//! in it one word, the process's mark: its pid and, above that, a number that none of the processes it was forked from
//! had. Whoever finds the word empty writes it; it does not change after that.
//!
//! Locks: none, so that a child may ask whatever a thread of its parent was doing.
//!
//! Knowingly weak: where the kernel refuses the advice the mark is the pid alone, asked for each time, and a descendant
//! that has been given the pid of an ancestor that has ended has its mark. A child of `vfork` shares the page.

use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::{Errno, page_bytes};

/// Pid in the low half, the number above.
pub(super) type Mark = u64;

/// Null until it is first asked for; then the page, which is never unmapped, or [`REFUSED`].
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());
/// Stands for a page that the kernel did not give.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// The number given last. In ordinary memory: a child goes on counting where its parent was.
static LAST_NUMBER: AtomicU32 = AtomicU32::new(0);

/// The mark of this process.
#[inline]
pub(super) fn mark() -> Mark {
    // Acquire: the page was advised before the pointer to it was stored.
    let mut page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        page = make_page();
    }
    match std::ptr::eq(page, &REFUSED) {
        true => std::process::id().into(),
        // SAFETY: neither null nor the static, so a mapped page, which stays in this process and its children.
        false => mark_in(unsafe { &*page }),
    }
}

#[inline]
fn mark_in(word: &AtomicU64) -> Mark {
    // Relaxed, also below: the word alone is what is told.
    match word.load(Ordering::Relaxed) {
        0 => write_mark(word),
        mark => mark,
    }
}

#[cold]
fn write_mark(word: &AtomicU64) -> Mark {
    let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let mark = u64::from(number) << 32 | u64::from(std::process::id());
    match word.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => mark,
        // Another thread was quicker.
        Err(written) => written,
    }
}

#[cold]
fn make_page() -> *mut AtomicU64 {
    let refused = std::ptr::from_ref(&REFUSED).cast_mut();
    let page = emptied_at_fork().unwrap_or(refused);
    // Release: who finds the pointer finds an advised page. Acquire where another thread was quicker.
    let stored = PAGE.compare_exchange(
        std::ptr::null_mut(),
        page,
        Ordering::Release,
        Ordering::Acquire,
    );
    let Err(other) = stored else {
        return page;
    };
    if !std::ptr::eq(page, refused) {
        unmap(page);
    }
    other
}

/// A page of zeroes that a forked child finds zero again.
fn emptied_at_fork() -> Result<*mut AtomicU64, Errno> {
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
    // SAFETY: the page was mapped just now; the advice changes nothing in this process.
    let advised = unsafe { rustix::mm::madvise(page, page_bytes(), Advice::LinuxWipeOnFork) };
    if let Err(error) = advised {
        unmap(page.cast());
        return Err(error);
    }
    Ok(page.cast())
}

fn unmap(page: *mut AtomicU64) {
    // SAFETY: mapped by `emptied_at_fork`, and the pointer was stored nowhere.
    let _ = unsafe { rustix::mm::munmap(page.cast(), page_bytes()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gives_the_page_and_the_mark_stays() {
        let first = mark();
        assert!(!std::ptr::eq(PAGE.load(Ordering::Acquire), &REFUSED));
        assert_eq!(first as u32, std::process::id());
        assert_eq!(mark(), first);
    }

    #[test]
    fn a_process_without_a_mark_gets_one_that_was_never_given_before() {
        let words = [AtomicU64::new(0), AtomicU64::new(0)];
        let [first, second] = words.each_ref().map(mark_in);
        assert_eq!(first as u32, second as u32);
        assert_ne!(first, second);
        assert_eq!(words.each_ref().map(mark_in), [first, second]);
    }
}
