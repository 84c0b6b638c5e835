//! The reference count of a chunk, as a state word that consumers, zenoh's collection and this module share.
//!
//! | value | meaning | who changes it |
//! |---|---|---|
//! | 0 | nobody holds it: zenoh's next collection frees it | collection |
//! | 1 .. `CLAIMED` | references out | zenoh, up and down |
//! | `CLAIMED` + n | slot taken back, n references may still return | zenoh, down; this module, to 0 |
//! | else | somebody wrote nonsense | nobody here |

use std::sync::atomic::{AtomicU32, Ordering};

/// Added to the count of a chunk whose slot was taken back. Far above what references can add up to, far
/// below what wraps.
pub(super) const CLAIMED: u32 = 1 << 30;

/// The word: the standard library's atomic, or the model checker's.
pub(super) trait CountWord {
    fn load(&self) -> u32;
    fn exchange(&self, from: u32, to: u32) -> Result<u32, u32>;
}

// SeqCst throughout, as zenoh does it: the word is ordered against the watchdog bit, `invalidated` and the
// chunk number, which other processes write, and nothing here is hot.
impl CountWord for AtomicU32 {
    fn load(&self) -> u32 {
        self.load(Ordering::SeqCst)
    }

    fn exchange(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
    }
}

/// Whether the count is one that zenoh can have made: references are out and nobody has claimed it.
pub(super) fn is_held(count: u32) -> bool {
    (1..CLAIMED).contains(&count)
}

/// Raises the count by [`CLAIMED`], so that no collection sees zero any more; `false` where it was zero
/// already, or nonsense.
pub(super) fn claim(word: &impl CountWord) -> bool {
    let mut count = word.load();
    while is_held(count) {
        match word.exchange(count, CLAIMED + count) {
            Ok(_) => return true,
            // A reference came back meanwhile.
            Err(now) => count = now,
        }
    }
    false
}

/// Lets zenoh collect the header of a claimed chunk; `false` where its count is no longer `count`.
pub(super) fn give_up(word: &impl CountWord, count: u32) -> bool {
    word.exchange(count, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use loom::{
        sync::{
            Arc, Mutex,
            atomic::{AtomicU32 as ModelWord, Ordering},
        },
        thread,
    };

    use super::*;

    impl CountWord for ModelWord {
        fn load(&self) -> u32 {
            self.load(Ordering::SeqCst)
        }

        fn exchange(&self, from: u32, to: u32) -> Result<u32, u32> {
            self.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
        }
    }

    const SLOT: u32 = 1;
    const TOMBSTONE: u32 = 2;

    /// One slot, the header that describes it, and the pool's table of it.
    struct Model {
        count: ModelWord,
        chunk: ModelWord,
        /// Which allocation of the slot is out; `None` is free. The first is number 1.
        table: Mutex<Option<u32>>,
    }

    impl Model {
        fn new(references: u32) -> Arc<Self> {
            Arc::new(Self {
                count: ModelWord::new(references),
                chunk: ModelWord::new(SLOT),
                table: Mutex::new(Some(1)),
            })
        }

        /// zenoh's collection with our `free`; `true` if the header was given back.
        fn collect(&self) -> bool {
            if self.count.load(Ordering::SeqCst) != 0 {
                return false;
            }
            let chunk = self.chunk.load(Ordering::SeqCst);
            if chunk == SLOT {
                let mut table = self.table.lock().unwrap();
                assert_ne!(*table, Some(2), "took the slot from its next owner");
                *table = None;
            }
            true
        }

        /// What a sweep does once nobody can read the slot; `true` if the slot was taken back.
        fn take_back(&self) -> bool {
            let mut table = self.table.lock().unwrap();
            if *table != Some(1) || !claim(&self.count) {
                return false;
            }
            self.chunk.store(TOMBSTONE, Ordering::SeqCst);
            // The next owner has it at once.
            *table = Some(2);
            true
        }

        /// A receiver that finds the chunk invalid gives back the reference that came with it.
        fn late_return(&self) {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_late_reference_never_frees_the_slot_under_its_next_owner() {
        loom::model(|| {
            let model = Model::new(1);
            let reader = {
                let model = model.clone();
                thread::spawn(move || model.late_return())
            };
            let collector = {
                let model = model.clone();
                thread::spawn(move || model.collect())
            };
            let taken = model.take_back();
            reader.join().unwrap();
            let collected = collector.join().unwrap();
            if taken {
                assert!(!collected, "a claimed header was collected");
                assert_eq!(*model.table.lock().unwrap(), Some(2));
                assert!(
                    give_up(&model.count, CLAIMED),
                    "every reference has returned"
                );
                assert!(model.collect(), "the tombstone is collected in the end");
                assert_eq!(*model.table.lock().unwrap(), Some(2));
            } else {
                // Nothing to claim: the ordinary collection has it, now or at its next run.
                assert!(collected || model.collect());
                assert_eq!(*model.table.lock().unwrap(), None);
            }
        });
    }

    #[test]
    fn a_dead_holder_beside_a_late_reference_keeps_the_header_until_it_is_given_up() {
        loom::model(|| {
            let model = Model::new(2);
            let reader = {
                let model = model.clone();
                thread::spawn(move || model.late_return())
            };
            let collector = {
                let model = model.clone();
                thread::spawn(move || model.collect())
            };
            assert!(model.take_back(), "the dead one's reference never returns");
            reader.join().unwrap();
            assert!(!collector.join().unwrap());
            assert!(!give_up(&model.count, CLAIMED), "one never returns");
            assert!(give_up(&model.count, CLAIMED + 1));
            assert!(model.collect());
            assert_eq!(*model.table.lock().unwrap(), Some(2));
        });
    }

    #[test]
    fn counts_that_zenoh_cannot_have_made_are_not_claimed() {
        for count in [0, CLAIMED, CLAIMED + 3, u32::MAX] {
            let word = AtomicU32::new(count);
            assert!(!claim(&word));
            assert_eq!(word.into_inner(), count);
        }
        let word = AtomicU32::new(CLAIMED - 1);
        assert!(claim(&word) && !give_up(&word, CLAIMED));
    }
}
