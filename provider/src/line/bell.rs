//! The bell of an inbox: what its reader sleeps on, and whoever has something for it rings.
//!
//! Lost wake-ups are excluded by a fence on either side, as in `segment::release`: the reader says that it is about to
//! sleep, then, behind a fence, notes how often the bell has rung and looks for entries; whoever has written an entry
//! looks, behind a fence, whether somebody is about to sleep. Whichever fence comes second sees what was written before
//! the other.
//!
//! Knowingly weak: both words lie in shared memory and any process of the user can write them. A wrong value costs time:
//! a reader looks again by itself within a second.

use std::{
    sync::atomic::{AtomicU32, Ordering, fence},
    time::Duration,
};

use crate::os::futex;

/// How long a reader sleeps at most before it looks for itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A 32-bit word: the standard library's atomic, or the model checker's.
pub trait BellWord {
    /// What was written before the value was added is seen.
    fn load(&self) -> u32;
    /// Wrapping.
    fn add(&self, value: u32);
    /// A sequentially consistent fence.
    fn fence();
}

impl BellWord for AtomicU32 {
    fn load(&self) -> u32 {
        // Acquire: a ring that is seen comes with the entry that it is for.
        self.load(Ordering::Acquire)
    }

    fn add(&self, value: u32) {
        // Release: see `load`.
        self.fetch_add(value, Ordering::AcqRel);
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

/// The two words, as they lie in an inbox.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Bell<Word = AtomicU32> {
    rung: Word,
    sleeping: Word,
}

impl<Word: BellWord> Bell<Word> {
    /// Wakes the reader through `wake`, if it sleeps or is about to.
    fn ring_with(&self, wake: impl FnOnce(&Word)) {
        Word::fence();
        if self.sleeping.load() != 0 {
            self.rung.add(1);
            wake(&self.rung);
        }
    }

    /// Says that the caller is about to look for entries and may then sleep.
    pub(super) fn listen(&self) -> Listening<'_, Word> {
        self.sleeping.add(1);
        Word::fence();
        Listening {
            heard: self.rung.load(),
            bell: self,
        }
    }
}

impl Bell {
    /// Wakes the reader, if it sleeps: to be called after what it is to find was written.
    pub fn ring(&self) {
        self.ring_with(futex::wake_all);
    }
}

/// A reader that may sleep; it stops being one when this is dropped.
#[derive(Debug)]
pub struct Listening<'a, Word: BellWord = AtomicU32> {
    bell: &'a Bell<Word>,
    heard: u32,
}

impl<Word: BellWord> Listening<'_, Word> {
    /// The word to sleep on, and the value it had before entries were looked for.
    fn futex(&self) -> (&Word, u32) {
        (&self.bell.rung, self.heard)
    }
}

impl Listening<'_> {
    /// Sleeps until one of the bells rings, `timeout` passes, a signal arrives or a second has passed. It does not tell
    /// which.
    pub fn sleep(bells: &[Listening<'_>], timeout: Duration) {
        match bells {
            [one] => futex::wait_any(&[one.futex()], timeout.min(LOOK_EVERY)),
            several => {
                let words: Vec<_> = several.iter().map(Listening::futex).collect();
                futex::wait_any(&words, timeout.min(LOOK_EVERY));
            }
        }
    }
}

impl<Word: BellWord> Drop for Listening<'_, Word> {
    fn drop(&mut self) {
        self.bell.sleeping.add(u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use loom::{
        sync::{Arc, Condvar, Mutex, atomic::AtomicU32 as ModelWord},
        thread,
    };

    use super::*;

    impl BellWord for ModelWord {
        fn load(&self) -> u32 {
            self.load(Ordering::Acquire)
        }

        fn add(&self, value: u32) {
            self.fetch_add(value, Ordering::AcqRel);
        }

        fn fence() {
            loom::sync::atomic::fence(Ordering::SeqCst);
        }
    }

    /// A futex as the kernel builds it: comparison and queueing under one lock, which a waker takes as well.
    struct Model {
        bell: Bell<ModelWord>,
        entries: ModelWord,
        bucket: Mutex<u32>,
        wakes: Condvar,
    }

    impl Model {
        fn put(&self) {
            self.entries.fetch_add(1, Ordering::Release);
            self.bell.ring_with(|_| {
                *self.bucket.lock().unwrap() += 1;
                self.wakes.notify_all();
            });
        }

        /// Sleeps without any time-out, so that a lost wake-up is a deadlock, which loom reports.
        fn wait_for(&self, entries: u32) {
            loop {
                let listening = self.bell.listen();
                if self.entries.load(Ordering::Acquire) >= entries {
                    return;
                }
                let (word, heard) = listening.futex();
                let mut generation = self.bucket.lock().unwrap();
                if BellWord::load(word) == heard {
                    let entered = *generation;
                    while *generation == entered {
                        generation = self.wakes.wait(generation).unwrap();
                    }
                }
            }
        }
    }

    fn check(publishers: u32) {
        let mut bounded = loom::model::Builder::new();
        bounded.preemption_bound = Some(3);
        bounded.check(move || {
            let model = Arc::new(Model {
                bell: Bell {
                    rung: ModelWord::new(0),
                    sleeping: ModelWord::new(0),
                },
                entries: ModelWord::new(0),
                bucket: Mutex::new(0),
                wakes: Condvar::new(),
            });
            let publishers: Vec<_> = (0..publishers)
                .map(|_| {
                    let model = model.clone();
                    thread::spawn(move || model.put())
                })
                .collect();
            model.wait_for(publishers.len() as u32);
            for publisher in publishers {
                publisher.join().unwrap();
            }
        });
    }

    #[test]
    fn no_entry_is_slept_through() {
        check(1);
    }

    #[test]
    fn the_last_of_two_publishers_wakes_the_reader() {
        check(2);
    }
}
