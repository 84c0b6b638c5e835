//! The words of an inbox, through a mapping as any process of the user can have it.

use std::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use zenoh_pinned::bindings::line::InboxAddress;

const HEAD_AT: usize = 4096;
const HEAD_BYTES: usize = 128;
const LANE_BYTES: usize = 832;
const LANES: usize = 16;
const ENTRY_BYTES: usize = 512;

/// Fields of the head, of 32 bits each.
pub const VERSION: usize = 8;
pub const LANE_COUNT: usize = 12;
pub const CAPACITY: usize = 16;
pub const OVERFLOW: usize = 20;
pub const CLOSED: usize = 32;
pub const RUNG: usize = 64;
pub const SLEEPING: usize = 68;
/// Of 64.
pub const NONCE: usize = 24;

/// Fields of a lane, of 64 bits each but for `KEY_BYTES`.
pub const STATE: usize = 0;
pub const FIRST: usize = 40;
pub const KEY_BYTES: usize = 48;
pub const KEY: usize = 56;
pub const WRITTEN: usize = 640;
pub const CLAIMED: usize = 704;
pub const TAKEN: usize = 768;

/// Words of an entry.
pub const BYTES: usize = 0;
pub const HEADER: usize = 8;
pub const ATTACHED: usize = 48;

pub fn path_of(address: InboxAddress) -> String {
    let text = address.to_string();
    let id = u32::from_str_radix(text.split('-').nth(6).unwrap(), 16).unwrap();
    format!("/dev/shm/{id}.zenoh")
}

/// Atomics, from any thread.
pub struct Words {
    base: NonNull<u8>,
    bytes: usize,
    capacity: usize,
}

// SAFETY: the mapping belongs to nobody's thread, and is all atomics.
unsafe impl Sync for Words {}

impl Words {
    pub fn of(address: InboxAddress) -> Self {
        use std::os::fd::AsRawFd;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path_of(address))
            .unwrap();
        let bytes = file.metadata().unwrap().len() as usize;
        // SAFETY: a new mapping of a file of that length.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        let mut words = Self {
            base: NonNull::new(base.cast()).unwrap(),
            bytes,
            capacity: 0,
        };
        let magic = words.long(HEAD_AT).load(Ordering::Relaxed);
        assert_eq!(
            &magic.to_le_bytes(),
            b"ZPINBOX\0",
            "the layout is another by now"
        );
        words.capacity = words.head(CAPACITY).load(Ordering::Relaxed) as usize;
        words
    }

    fn long(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.bytes);
        // SAFETY: inside the mapping, aligned, and an atomic.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    pub fn head(&self, field: usize) -> &AtomicU32 {
        let at = HEAD_AT + field;
        assert!(at.is_multiple_of(4) && at + 4 <= self.bytes);
        // SAFETY: as above.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    pub fn nonce(&self) -> &AtomicU64 {
        self.long(HEAD_AT + NONCE)
    }

    pub fn lane(&self, lane: usize, field: usize) -> &AtomicU64 {
        self.long(HEAD_AT + HEAD_BYTES + lane * LANE_BYTES + field)
    }

    pub fn entry(&self, lane: usize, position: usize, word: usize) -> &AtomicU64 {
        let entry = lane * self.capacity + position % self.capacity;
        let entries = HEAD_AT + HEAD_BYTES + LANES * LANE_BYTES;
        self.long(entries + entry * ENTRY_BYTES + word)
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the mapping made above, of which nobody has a reference any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}
