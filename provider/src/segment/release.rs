//! How a consumer tells a waiting producer that a chunk has come free.
//!
//! zenoh counts a chunk's references in shared memory and tells nobody when the count reaches zero; its
//! own blocking allocation looks every millisecond. Our consumers announce: after dropping their
//! reference they increment `released` and wake its futex if `waiting` says that somebody sleeps.
//!
//! Lost wake-ups are excluded by a fence on either side (Dekker's pattern, model-checked below): the
//! producer increments `waiting`, then, behind a fence, reads `released` and looks at the reference
//! counts; the consumer decrements the count, increments `released`, and, behind a fence, reads
//! `waiting`. Whichever fence comes second sees what was written before the other: either the producer
//! finds the chunk free, or its futex word has changed and it does not sleep, or the consumer sees it
//! waiting and wakes it.
//!
//! A process that releases a chunk of its own pool's segment asks a second pair of words, in memory of its own
//! (`uses`), whether any of its allocations waits, and announces only then: nobody else allocates there. The same two
//! fences stand between, and the header page of a file that may have been cut is not touched.
//!
//! Knowingly weak: both words lie in shared memory and are hints only. Unmodified consumers never
//! announce, and a hostile one may write anything; the producer therefore never sleeps longer than a
//! poll interval, and a word with a wrong value costs time, never a slot.

use std::sync::atomic::{AtomicU32, Ordering, fence};

/// The two words, as they lie in a header page.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ReleaseWords<Word = AtomicU32> {
    released: Word,
    waiting: Word,
}

/// A 32-bit atomic: the standard library's, or the model checker's.
pub trait AtomicWord {
    fn load(&self) -> u32;
    fn add(&self, value: u32);
    /// A sequentially consistent fence.
    fn fence();
}

impl AtomicWord for AtomicU32 {
    fn load(&self) -> u32 {
        // Acquire: a value seen here comes with what its writer did before, namely the release.
        self.load(Ordering::Acquire)
    }

    fn add(&self, value: u32) {
        // Release: the dropped reference is visible to whoever sees the new value. Wrapping: both
        // words are only compared, for equality or with zero.
        self.fetch_add(value, Ordering::AcqRel);
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

impl<Word: AtomicWord> ReleaseWords<Word> {
    /// Tells waiting producers, through `wake`, that this process has dropped a reference.
    pub fn announce(&self, wake: impl FnOnce(&Word)) {
        self.released.add(1);
        Word::fence();
        if self.waiting.load() != 0 {
            wake(&self.released);
        }
    }

    /// Whether somebody waits for what the caller has released before.
    pub(crate) fn is_awaited(&self) -> bool {
        Word::fence();
        self.waiting.load() != 0
    }

    /// Says that the caller is about to look at reference counts and may then sleep.
    pub fn begin_waiting(&self) -> Waiting<'_, Word> {
        self.waiting.add(1);
        Word::fence();
        Waiting {
            seen: self.released.load(),
            words: self,
        }
    }
}

/// A producer that may sleep; it stops being one when this is dropped.
#[derive(Debug)]
pub struct Waiting<'a, Word: AtomicWord = AtomicU32> {
    words: &'a ReleaseWords<Word>,
    seen: u32,
}

impl<'a, Word: AtomicWord> Waiting<'a, Word> {
    /// The word to sleep on, and the value it had before the reference counts were looked at.
    pub(crate) fn futex(&self) -> (&'a Word, u32) {
        (&self.words.released, self.seen)
    }
}

impl<Word: AtomicWord> Drop for Waiting<'_, Word> {
    fn drop(&mut self) {
        self.words.waiting.add(u32::MAX);
    }
}

/// The words and the kernel's part of a wait, for the model checker.
#[cfg(test)]
pub(crate) mod model {
    use loom::sync::{
        Condvar, Mutex,
        atomic::{AtomicU32 as ModelWord, Ordering},
    };

    use super::AtomicWord;

    impl AtomicWord for ModelWord {
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

    /// A futex as the kernel builds it: the comparison and the queueing happen under one lock, which a
    /// waker takes as well.
    #[derive(Default)]
    pub(crate) struct Futex {
        bucket: Mutex<u32>,
        wakes: Condvar,
    }

    impl Futex {
        pub(crate) fn wait(&self, word: &ModelWord, expected: u32) {
            let mut generation = self.bucket.lock().unwrap();
            if AtomicWord::load(word) != expected {
                return;
            }
            let entered = *generation;
            while *generation == entered {
                generation = self.wakes.wait(generation).unwrap();
            }
        }

        pub(crate) fn wake(&self) {
            *self.bucket.lock().unwrap() += 1;
            self.wakes.notify_all();
        }
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

    use super::{model::Futex, *};

    struct Model {
        words: ReleaseWords<ModelWord>,
        /// Of the producer's process.
        here: ReleaseWords<ModelWord>,
        references: ModelWord,
        futex: Futex,
    }

    impl Model {
        fn new(references: u32) -> Arc<Self> {
            let words = || ReleaseWords {
                released: ModelWord::new(0),
                waiting: ModelWord::new(0),
            };
            Arc::new(Self {
                words: words(),
                here: words(),
                references: ModelWord::new(references),
                futex: Futex::default(),
            })
        }

        fn release(&self) {
            self.references.fetch_sub(1, Ordering::SeqCst);
            self.words.announce(|_| self.futex.wake());
        }

        fn release_in_the_producers_process(&self) {
            self.references.fetch_sub(1, Ordering::SeqCst);
            if self.here.is_awaited() {
                self.words.announce(|_| self.futex.wake());
            }
        }

        /// Sleeps without any time-out, so that a lost wake-up is a deadlock, which loom reports.
        fn wait_until_free(&self) {
            loop {
                let _here = self.here.begin_waiting();
                let waiting = self.words.begin_waiting();
                if AtomicWord::load(&self.references) == 0 {
                    return;
                }
                let (word, seen) = waiting.futex();
                self.futex.wait(word, seen);
            }
        }
    }

    #[test]
    fn no_release_is_slept_through_by_a_waiting_allocation() {
        loom::model(|| {
            let model = Model::new(1);
            let consumer = {
                let model = model.clone();
                thread::spawn(move || model.release())
            };
            model.wait_until_free();
            consumer.join().unwrap();
        });
    }

    #[test]
    fn no_release_in_the_producers_process_is_slept_through() {
        loom::model(|| {
            let model = Model::new(1);
            let consumer = {
                let model = model.clone();
                thread::spawn(move || model.release_in_the_producers_process())
            };
            model.wait_until_free();
            consumer.join().unwrap();
        });
    }

    #[test]
    fn the_last_of_two_consumers_wakes_the_waiting_allocation() {
        let mut bounded = loom::model::Builder::new();
        bounded.preemption_bound = Some(3);
        bounded.check(|| {
            let model = Model::new(2);
            let consumers =
                [model.clone(), model.clone()].map(|model| thread::spawn(move || model.release()));
            model.wait_until_free();
            for consumer in consumers {
                consumer.join().unwrap();
            }
        });
    }
}
