//! Shared mappings of segment files and private memory for staging, as owned ranges of addresses.

use std::{os::fd::OwnedFd, ptr::NonNull};

use rustix::{
    io::Errno,
    mm::{Advice, MapFlags, MprotectFlags, ProtFlags},
};

/// A mapping of this process, unmapped when dropped.
///
/// It owns addresses, not bytes: what lies there may be written by other processes at any time, so
/// nothing here hands out a reference.
#[derive(Debug)]
pub(crate) struct MappedRange {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a range of addresses belongs to the process, not to a thread; the type gives no access to
// the bytes besides a raw pointer.
unsafe impl Send for MappedRange {}
// SAFETY: as above; every method takes the range by shared reference and only reads its two fields.
unsafe impl Sync for MappedRange {}

impl MappedRange {
    /// Maps `bytes` of `file` from its start, shared, readable and writable, locking nothing.
    pub(crate) fn of_file(file: &OwnedFd, bytes: usize) -> Result<Self, Errno> {
        // SAFETY: the kernel chooses an unused range (no MAP_FIXED), so no existing mapping changes.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                file,
                0,
            )
        }?;
        Self::from_address(address, bytes)
    }

    /// Private anonymous memory, zeroed, readable and writable.
    pub(crate) fn anonymous(bytes: usize) -> Result<Self, Errno> {
        // SAFETY: the kernel chooses an unused range (no MAP_FIXED), so no existing mapping changes.
        let address = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        Self::from_address(address, bytes)
    }

    fn from_address(address: *mut std::ffi::c_void, bytes: usize) -> Result<Self, Errno> {
        let base = NonNull::new(address.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, bytes })
    }

    /// The first address.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The length asked for, in bytes; the mapping itself extends to the end of its last page.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The address `offset` bytes from the base, where that lies inside.
    pub(crate) fn at(&self, offset: usize) -> Option<NonNull<u8>> {
        if offset >= self.bytes {
            return None;
        }
        // SAFETY: the offset was checked against the mapping's length, so the result stays inside it.
        Some(unsafe { self.base.add(offset) })
    }

    /// Asks for huge pages; kernels that take none for this kind of memory say no, which is fine.
    pub(crate) fn prefer_huge_pages(&self) {
        let _ = self.advise(Advice::LinuxHugepage);
    }

    /// Brings every page into this process's page table for writing, so that first use does not fault.
    ///
    /// # Errors
    /// Using the memory would raise SIGBUS: the file is shorter than the mapping, or there is no room for
    /// its missing pages. A kernel that does not know the advice (before 5.14) gives none.
    pub(crate) fn populate(&self) -> Result<(), Errno> {
        match self.advise(Advice::LinuxPopulateWrite) {
            Err(error @ (Errno::FAULT | Errno::NOMEM | Errno::HWPOISON)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes all from `offset` on, a multiple of a page, read-only in this mapping: a write there ends the process.
    pub(crate) fn protect_from(&self, offset: usize) -> Result<(), Errno> {
        let Some(base) = self.at(offset) else {
            return Ok(());
        };
        // SAFETY: the rest of the mapping, which this value owns; the callers say that nobody writes there any more.
        unsafe {
            rustix::mm::mprotect(
                base.as_ptr().cast(),
                self.bytes - offset,
                MprotectFlags::READ,
            )
        }
    }

    fn advise(&self, advice: Advice) -> Result<(), Errno> {
        // SAFETY: both advices keep the contents of the mapping, which this value owns.
        let result = unsafe { rustix::mm::madvise(self.base.as_ptr().cast(), self.bytes, advice) };
        if let Err(error) = result {
            tracing::trace!(?advice, %error, "the kernel did not take the advice");
        }
        result
    }
}

impl Drop for MappedRange {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by this value and is unmapped once; whoever holds a pointer
        // into it holds the `Arc` that owns this value.
        if let Err(error) = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) } {
            tracing::debug!(%error, "munmap failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::{file, page_bytes};

    #[test]
    fn pages_that_a_file_no_longer_has_are_an_error_and_not_a_signal() {
        let bytes = 4 * page_bytes();
        let file = file::create_unnamed().unwrap();
        file::reserve(&file, 0, bytes as u64).unwrap();
        let range = MappedRange::of_file(&file, bytes).unwrap();
        assert_eq!(range.populate(), Ok(()));
        rustix::fs::ftruncate(&file, bytes as u64 / 2).unwrap();
        assert_eq!(range.populate(), Err(Errno::FAULT));
        assert_eq!(
            MappedRange::anonymous(page_bytes()).unwrap().populate(),
            Ok(())
        );
    }
}
