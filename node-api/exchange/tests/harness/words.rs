//! The words of a region as somebody sees them who does not keep to the protocol.
//!
//! Where they lie stands in `src/region/layout.rs`: three lines, then each lane's line and slots.

use std::{
    fs::OpenOptions,
    os::fd::AsRawFd,
    path::Path,
    sync::atomic::{AtomicU64, Ordering, fence},
};

use zenoh_pinned_exchange::{Action, Observation, bytemuck};

use super::name::Name;

const LINE: usize = 8;
/// Of the data plane's line, and of the agent's.
pub const INCARNATIONS: [usize; 2] = [LINE, 2 * LINE];
pub const PIDS: [usize; 2] = [LINE + 1, 2 * LINE + 1];

/// Where a lane is, and how large its slots are.
#[derive(Clone, Copy)]
pub struct Lane {
    pub newest: usize,
    pub slots: usize,
    pub slot_words: usize,
    pub record_words: usize,
}

impl Lane {
    const fn at(newest: usize, slots: usize, record_bytes: usize) -> Self {
        let record_words = record_bytes / 8;
        let slot_words = (record_words + 1).next_multiple_of(LINE);
        Self {
            newest,
            slots,
            slot_words,
            record_words,
        }
    }

    const fn end(self) -> usize {
        self.newest + LINE + self.slots * self.slot_words
    }

    /// Where the record of a message's slot begins.
    pub const fn record(self, number: u64) -> usize {
        let slot = (number - 1) as usize % self.slots;
        self.newest + LINE + slot * self.slot_words
    }

    /// Where the version of a message's slot is.
    pub const fn version(self, number: u64) -> usize {
        self.record(number) + self.record_words
    }
}

pub const OBSERVATIONS: Lane = Lane::at(3 * LINE, 4, size_of::<Observation>());
pub const ACTIONS: Lane = Lane::at(OBSERVATIONS.end(), 4, size_of::<Action>());

/// The one lane of a ring.
pub const fn lane_of_ring(slots: usize, record_bytes: usize) -> Lane {
    Lane::at(3 * LINE, slots, record_bytes)
}

/// A mapping of a whole region that may be written to.
pub struct Words(&'static [AtomicU64]);

impl Words {
    pub fn of(name: &Name) -> Self {
        Self::of_path(&name.path())
    }

    pub fn of_path(path: &Path) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let bytes = file.metadata().unwrap().len() as usize;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a free range, so nothing that is mapped is replaced.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                access,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        // SAFETY: mapped just now, not unmapped while this is there, and everybody touches it by atomic words.
        Self(unsafe { std::slice::from_raw_parts(base.cast(), bytes / 8) })
    }

    pub fn atomics(&self) -> &[AtomicU64] {
        self.0
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, word: usize) -> u64 {
        self.0[word].load(Ordering::Acquire)
    }

    pub fn set(&self, word: usize, value: u64) {
        self.0[word].store(value, Ordering::Release);
    }

    /// Whether a message of the lane is being written.
    pub fn is_within_a_message(&self, lane: Lane) -> bool {
        (1..=lane.slots as u64).any(|slot| self.get(lane.version(slot)) % 2 == 1)
    }

    /// Begins message `number` and stores half of its words.
    pub fn begin(&self, lane: Lane, number: u64, words: &[u64]) {
        let version = lane.version(number);
        self.0[version].store(2 * number - 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (index, word) in words.iter().enumerate().take(words.len() / 2) {
            self.0[lane.record(number) + index].store(*word, Ordering::Relaxed);
        }
    }

    /// Writes any action as the agent would.
    pub fn write_action(&self, number: u64, action: &Action) {
        let words: &[u64] = bytemuck::cast_slice(bytemuck::bytes_of(action));
        self.begin(ACTIONS, number, words);
        for (index, word) in words.iter().enumerate() {
            self.0[ACTIONS.record(number) + index].store(*word, Ordering::Relaxed);
        }
        self.set(ACTIONS.version(number), 2 * number);
        self.set(ACTIONS.newest, number);
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let words: *const [AtomicU64] = self.0;
        // SAFETY: mapped by `of_path`; nothing borrows it for longer than `self`.
        unsafe { libc::munmap(words.cast_mut().cast(), 8 * self.0.len()) };
    }
}
