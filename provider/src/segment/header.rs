//! The header page: what a pool writes at the start of each of its segments.
//!
//! | offset | bytes | field | written by |
//! |---|---|---|---|
//! | 0 | 8 | magic `ZPINNED\0` | producer, last, before the segment gets its name |
//! | 8 | 4 | version | producer, once |
//! | 12 | 4 | producer's pid | producer, once |
//! | 16 | 8 | producer's start time (clock ticks since boot) | producer, once |
//! | 24 | 8 | slot size in bytes | producer, once |
//! | 32 | 4 | number of slots | producer, once |
//! | 36 | 4 | length of the pool's name in bytes | producer, once |
//! | 40 | 64 | pool's name, UTF-8 | producer, once |
//! | 104 | 4 | 1 where the slots are never written again | producer, at most once, before anybody is told of a slot |
//! | 108 | 4 | nothing | nobody |
//! | 128 | 4 | releases announced (a futex) | consumers |
//! | 132 | 4 | allocations waiting for a release | producer |
//!
//! The two words lie on a cache line of their own. Any process of the same user can write anything
//! here, so a reader copies the fields once, checks the copy, and never looks at them again; the two
//! words are only ever hints (see `release`).
//!
//! Knowingly weak: what a checked copy says about its producer (pid, start time, name) is that process's
//! word, and another process of the user can have written it. The sizes are held against the file.

use std::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use super::{layout::SegmentLayout, release::ReleaseWords};

const MAGIC: [u8; 8] = *b"ZPINNED\0";
const VERSION: u32 = 1;
const NAME_BYTES: usize = 64;
const RELEASE_WORDS_AT: usize = 128;
const WAITING_AT: usize = RELEASE_WORDS_AT + 4;

#[repr(C)]
#[derive(Clone, Copy)]
struct Fields {
    magic: [u8; 8],
    version: u32,
    producer_pid: u32,
    producer_start: u64,
    slot_bytes: u64,
    slots: u32,
    name_bytes: u32,
    name: [u8; NAME_BYTES],
    is_sealed: u32,
    nothing: u32,
}

/// The fields as a reader copies them.
const FIELD_WORDS: usize = size_of::<Fields>() / size_of::<u64>();

const _: () = assert!(size_of::<Fields>() <= RELEASE_WORDS_AT);
const _: () = assert!(size_of::<Fields>() == size_of::<[u64; FIELD_WORDS]>());

/// The largest pid that Linux gives (PID_MAX_LIMIT is far below).
const MAX_PID: u32 = i32::MAX as u32;

/// What a header page says, copied and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// At most 64 bytes.
    pub pool_name: String,
    /// Held against the size of the file.
    pub layout: SegmentLayout,
    /// As the header claims; above zero, and no more than a pid can be.
    pub producer_pid: u32,
    /// In clock ticks since boot, as the header claims.
    pub producer_start: u64,
    /// As the header claims: the slots are never written again, so whoever attaches them maps them read-only.
    pub is_sealed: bool,
}

impl SegmentHeader {
    /// The name as it fits a header page: at most 64 bytes, cut between characters.
    pub(crate) fn fitting_name(name: &str) -> &str {
        let mut end = name.len().min(NAME_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        &name[..end]
    }

    /// Writes the header to `page`.
    ///
    /// # Safety
    /// `page` is the start of a writable, page-aligned mapping of at least one page that no other
    /// process has a name for yet.
    pub unsafe fn write(&self, page: NonNull<u8>) {
        let name = Self::fitting_name(&self.pool_name).as_bytes();
        let mut fields = Fields {
            magic: MAGIC,
            version: VERSION,
            producer_pid: self.producer_pid,
            producer_start: self.producer_start,
            slot_bytes: self.layout.slot_bytes() as u64,
            slots: self.layout.slots(),
            name_bytes: name.len() as u32,
            name: [0; NAME_BYTES],
            is_sealed: u32::from(self.is_sealed),
            nothing: 0,
        };
        fields.name[..name.len()].copy_from_slice(name);
        // SAFETY: the caller says that the page is writable, aligned and not shared yet.
        unsafe { page.cast::<Fields>().write(fields) };
    }

    /// Reads the header of a segment of `segment_bytes`; `None` for a segment that is not one of ours
    /// or whose header does not describe it.
    ///
    /// # Safety
    /// `page` is the start of a readable, page-aligned mapping of at least `segment_bytes`, which is
    /// at least one page.
    pub unsafe fn read(page: NonNull<u8>, segment_bytes: usize) -> Option<Self> {
        // SAFETY: the caller says that a page is mapped there, which is aligned for these words. Other
        // processes may write meanwhile; no one in this process does.
        let words = unsafe { page.cast::<[AtomicU64; FIELD_WORDS]>().as_ref() };
        // Relaxed: the producer wrote before the segment had a name. A hostile writer makes some mixture,
        // which the checks treat like any other hostile content.
        let copy = std::array::from_fn(|index| words[index].load(Ordering::Relaxed));
        Self::of_words(copy, segment_bytes)
    }

    /// As [`SegmentHeader::read`], from a copy of the page, and how many allocations wait as it says.
    pub(crate) fn of_copy(page: &[u8], segment_bytes: usize) -> Option<(Self, u32)> {
        let mut words = [0; FIELD_WORDS];
        for (word, bytes) in words.iter_mut().zip(page.chunks_exact(size_of::<u64>())) {
            *word = u64::from_ne_bytes(bytes.try_into().ok()?);
        }
        let waiting = page.get(WAITING_AT..WAITING_AT + size_of::<u32>())?;
        let waiting = u32::from_ne_bytes(waiting.try_into().ok()?);
        Some((Self::of_words(words, segment_bytes)?, waiting))
    }

    /// Whether a copy of a page begins as ours do.
    pub(crate) fn begins(page: &[u8]) -> bool {
        page.starts_with(&MAGIC)
    }

    fn of_words(copy: [u64; FIELD_WORDS], segment_bytes: usize) -> Option<Self> {
        // SAFETY: both are plain integers without padding, of the same size; any bytes are a value.
        let fields = unsafe { std::mem::transmute::<[u64; FIELD_WORDS], Fields>(copy) };
        if fields.magic != MAGIC || fields.version != VERSION {
            return None;
        }
        // Zero, or a number that the kernel takes for a group of processes, must never get into a call.
        if fields.producer_pid == 0 || fields.producer_pid > MAX_PID {
            return None;
        }
        let layout = SegmentLayout::new(usize::try_from(fields.slot_bytes).ok()?, fields.slots)?;
        if layout.total_bytes() != segment_bytes {
            return None;
        }
        let name = fields
            .name
            .get(..usize::try_from(fields.name_bytes).ok()?)?;
        Some(Self {
            pool_name: std::str::from_utf8(name).ok()?.to_owned(),
            layout,
            producer_pid: fields.producer_pid,
            producer_start: fields.producer_start,
            is_sealed: fields.is_sealed == 1,
        })
    }
}

/// Writes that the slots are never written again.
///
/// # Safety
/// `page` is the start of a writable, page-aligned mapping of at least one page.
pub unsafe fn seal(page: NonNull<u8>) {
    let at = std::mem::offset_of!(Fields, is_sealed);
    // SAFETY: the offset lies inside the page and is aligned for u32; readers take the field as an atomic word.
    let field = unsafe { page.add(at).cast::<AtomicU32>().as_ref() };
    // Release: the slots were written before. Whoever reads it was told of a slot afterwards, by other means.
    field.store(1, Ordering::Release);
}

/// The release words of the header page.
///
/// # Safety
/// `page` is the start of a readable and writable, page-aligned mapping of at least one page that
/// outlives `'a`.
pub unsafe fn release_words<'a>(page: NonNull<u8>) -> &'a ReleaseWords {
    // SAFETY: the offset lies inside the page and is aligned for u32; both words are atomics, which
    // every process only accesses as such, and any value of them is valid.
    unsafe { page.add(RELEASE_WORDS_AT).cast::<ReleaseWords>().as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::{self, memory::MappedRange};

    fn header(name: &str) -> SegmentHeader {
        SegmentHeader {
            pool_name: name.to_owned(),
            layout: SegmentLayout::new(os::page_bytes(), 3).unwrap(),
            producer_pid: 7,
            producer_start: 99,
            is_sealed: false,
        }
    }

    fn written(name: &str) -> MappedRange {
        let range = MappedRange::anonymous(4 * os::page_bytes()).unwrap();
        // SAFETY: a private, writable mapping of four pages.
        unsafe { header(name).write(range.base()) };
        range
    }

    fn read(range: &MappedRange) -> Option<SegmentHeader> {
        // SAFETY: a mapping of that many bytes.
        unsafe { SegmentHeader::read(range.base(), range.bytes()) }
    }

    #[test]
    fn a_header_reads_back_as_written() {
        assert_eq!(read(&written("front camera")), Some(header("front camera")));
    }

    #[test]
    fn a_sealed_segment_says_so() {
        let range = written("weights");
        // SAFETY: a private, writable mapping of four pages.
        unsafe { seal(range.base()) };
        assert!(read(&range).unwrap().is_sealed);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = "ä".repeat(40);
        assert_eq!(read(&written(&long)).unwrap().pool_name, "ä".repeat(32));
    }

    #[test]
    fn every_single_scribbled_byte_is_an_error_or_a_consistent_header() {
        for at in 0..RELEASE_WORDS_AT {
            for value in [0u8, 1, 0x7f, 0xff] {
                let range = written("camera");
                // SAFETY: inside the first page of a private mapping.
                unsafe { range.base().add(at).write(value) };
                if let Some(found) = read(&range) {
                    assert_eq!(found.layout, header("").layout, "byte {at} = {value}");
                    assert!(found.pool_name.len() <= NAME_BYTES);
                }
            }
        }
    }

    #[test]
    fn a_page_that_changes_while_it_is_read_gives_one_of_its_headers_or_none() {
        let range = written("camera");
        let page = os::page_bytes() as u64;
        let slot_bytes_at = std::mem::offset_of!(Fields, slot_bytes);
        let slots_at = std::mem::offset_of!(Fields, slots);
        let is_over = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..20_000u64 {
                    // Either pair describes the file, a mixture of both does not.
                    let (slot_bytes, slots) = [(page, 3), (3 * page, 1)][(round % 2) as usize];
                    // SAFETY: two aligned words of a mapping that outlives the thread, written as atomics.
                    unsafe {
                        let word = |at: usize| range.base().add(at).cast::<AtomicU64>().as_ref();
                        word(slot_bytes_at).store(slot_bytes, Ordering::Relaxed);
                        word(slots_at).store(slots | 6 << 32, Ordering::Relaxed);
                    }
                }
                is_over.store(1, Ordering::Relaxed);
            });
            while is_over.load(Ordering::Relaxed) == 0 {
                if let Some(found) = read(&range) {
                    let layout = found.layout;
                    let sizes = (layout.slot_bytes() as u64, layout.slots());
                    assert!(sizes == (page, 3) || sizes == (3 * page, 1), "{sizes:?}");
                    assert_eq!(found.pool_name, "camera");
                }
            }
            writer.join().unwrap();
        });
    }

    #[test]
    fn a_foreign_segment_has_no_header() {
        assert_eq!(
            read(&MappedRange::anonymous(os::page_bytes()).unwrap()),
            None
        );
    }
}
