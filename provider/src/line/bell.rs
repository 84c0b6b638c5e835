//! The bell of an inbox: what its reader sleeps on, and whoever has something for it rings.
//!
//! Lost wake-ups are excluded by a fence on either side, as in `segment::release`: the reader says that it is about to
//! sleep, then, behind a fence, notes how often the bell has rung and looks for entries; whoever has written an entry
//! looks, behind a fence, whether somebody is about to sleep. Whichever fence comes second sees what was written before
//! the other.
//!
//! Knowingly weak: both words lie in shared memory and any process of the user can write them. A wrong value costs time:
//! a reader looks again by itself within a second.

use std::{sync::atomic::AtomicU32, time::Duration};

use crate::{os::futex, segment::release::AtomicWord};

/// How long a reader sleeps at most before it looks for itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The two words, as they lie in an inbox.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Bell<Word = AtomicU32> {
    rung: Word,
    sleeping: Word,
}

impl<Word: AtomicWord> Bell<Word> {
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
pub struct Listening<'a, Word: AtomicWord = AtomicU32> {
    bell: &'a Bell<Word>,
    heard: u32,
}

impl<Word: AtomicWord> Listening<'_, Word> {
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

impl<Word: AtomicWord> Drop for Listening<'_, Word> {
    fn drop(&mut self) {
        self.bell.sleeping.add(u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use loom::{
        sync::{
            Arc,
            atomic::{AtomicU32 as ModelWord, Ordering},
        },
        thread,
    };

    use super::*;
    use crate::segment::release::model::Futex;

    struct Model {
        bell: Bell<ModelWord>,
        entries: ModelWord,
        futex: Futex,
    }

    impl Model {
        fn put(&self) {
            self.entries.fetch_add(1, Ordering::Release);
            self.bell.ring_with(|_| self.futex.wake());
        }

        /// Sleeps without any time-out, so that a lost wake-up is a deadlock, which loom reports.
        fn wait_for(&self, entries: u32) {
            loop {
                let listening = self.bell.listen();
                if self.entries.load(Ordering::Acquire) >= entries {
                    return;
                }
                let (word, heard) = listening.futex();
                self.futex.wait(word, heard);
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
                futex: Futex::default(),
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
