//! Ranges of this process's addresses, and whether they are mapped.

use std::sync::OnceLock;

use crate::status::{INVALID_VALUE, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

pub(crate) fn page_size() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: sysconf has no preconditions.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096)
    })
}

impl Range {
    /// Refuses ranges that wrap around the address space.
    pub(crate) fn new(start: usize, bytes: usize) -> Result<Self, Status> {
        match start.checked_add(bytes) {
            Some(_) if start != 0 => Ok(Self { start, bytes }),
            _ => Err(INVALID_VALUE),
        }
    }

    pub(crate) fn end(self) -> usize {
        self.start + self.bytes
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    pub(crate) fn is_page_aligned(self) -> bool {
        self.start.is_multiple_of(page_size()) && self.bytes.is_multiple_of(page_size())
    }

    /// Whether every page is mapped right now.
    pub(crate) fn is_mapped(self) -> bool {
        let page = page_size();
        let start = self.start - self.start % page;
        let Some(end) = self.end().checked_next_multiple_of(page) else {
            return false;
        };
        let mut resident = vec![0u8; (end - start) / page];
        let first = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: mincore only writes one byte a page into `resident`, which has that many.
        unsafe { libc::mincore(first, end - start, resident.as_mut_ptr()) == 0 }
    }

    pub(crate) fn pointer(self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.start)
    }
}
