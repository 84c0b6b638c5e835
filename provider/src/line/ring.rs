//! The positions of a lane's ring, over words that two processes share.
//!
//! | word | meaning | written by |
//! |---|---|---|
//! | `written` | entries that have been written, ever | the publisher |
//! | `claimed` | entries that are somebody's, ever: taken by the reader, or overwritten by the publisher | both, by compare-and-swap |
//! | `taken` | entries that the reader is done with, ever | the reader |
//!
//! An entry lies at its position modulo the capacity. The reader copies it first and claims it then; where the claim
//! fails the publisher has overwritten it, and the copy is thrown away. The publisher claims the oldest before it writes
//! where that lay. So each entry is claimed by exactly one side, and a copy whose claim succeeded was not written to
//! meanwhile. A reader that stops between claim and `taken` holds up nothing but that entry's reference.
//!
//! Either side may find any value here: what cannot be is [`Corrupt`], and no loop runs more often than the capacity.
//! The publisher never reads `written`, nor the reader `taken`.

use std::sync::atomic::{AtomicU64, Ordering};

/// A 64-bit position: the standard library's atomic, or the model checker's.
pub(super) trait Position {
    /// What its writer did before it stored the value is seen.
    fn load(&self) -> u64;
    /// What this side did before is seen by who loads the value.
    fn store(&self, value: u64);
    /// As both of them.
    fn exchange(&self, from: u64, to: u64) -> bool;
}

impl Position for AtomicU64 {
    fn load(&self) -> u64 {
        // Acquire: the entries before `written`; the copying of those before `claimed`; the references of those before
        // `taken`.
        self.load(Ordering::Acquire)
    }

    fn store(&self, value: u64) {
        // Release: see `load`.
        self.store(value, Ordering::Release);
    }

    fn exchange(&self, from: u64, to: u64) -> bool {
        // Release: the copy was made before the other side may write there. Acquire: see `load`.
        self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// The three words, each on a cache line of its own.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Ring<Word = AtomicU64> {
    written: Line<Word>,
    claimed: Line<Word>,
    taken: Line<Word>,
}

#[repr(C, align(64))]
#[derive(Debug, Default)]
struct Line<Word>(Word);

/// The other side has written what it never can have written honestly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

/// Where the next entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There was room.
    Free,
    /// The entry at this position was overwritten unread.
    Overwritten(u64),
    /// There is none.
    Full,
}

impl<Word: Position> Ring<Word> {
    /// Reader: as new, when no publisher uses it any more.
    pub(super) fn reset(&self) {
        for word in [&self.written, &self.claimed, &self.taken] {
            word.0.store(0);
        }
    }

    /// Publisher: makes room for the entry at position `next`, which is its own count of what it has written.
    pub(super) fn make_room(
        &self,
        next: u64,
        capacity: u64,
        overwrite: bool,
    ) -> Result<Room, Corrupt> {
        // A claim that fails says that the reader was quicker, and then there is room.
        for _ in 0..2 {
            let claimed = self.claimed.0.load();
            let unread = next.checked_sub(claimed).ok_or(Corrupt)?;
            if unread > capacity {
                return Err(Corrupt);
            }
            if unread < capacity {
                return Ok(Room::Free);
            }
            if !overwrite {
                return Ok(Room::Full);
            }
            if self.claimed.0.exchange(claimed, claimed + 1) {
                return Ok(Room::Overwritten(claimed));
            }
        }
        Err(Corrupt)
    }

    /// Publisher: the entry at `position` has been written.
    pub(super) fn publish(&self, position: u64) {
        self.written.0.store(position + 1);
    }

    /// Publisher: how many entries the reader is done with, of the `next` there ever were.
    pub(super) fn taken(&self, next: u64) -> Result<u64, Corrupt> {
        let taken = self.taken.0.load();
        match taken <= next {
            true => Ok(taken),
            false => Err(Corrupt),
        }
    }

    /// How many entries nobody has claimed.
    pub(super) fn unread(&self, capacity: u64) -> Result<u64, Corrupt> {
        let claimed = self.claimed.0.load();
        let unread = self.written.0.load().checked_sub(claimed);
        match unread {
            Some(unread) if unread <= capacity => Ok(unread),
            // The publisher may have written and overwritten between the two looks.
            Some(_) if self.claimed.0.load() != claimed => Ok(capacity),
            _ => Err(Corrupt),
        }
    }

    /// How many entries were ever written, as the publisher says.
    pub(super) fn written(&self) -> u64 {
        self.written.0.load()
    }

    /// How many entries are somebody's, as either side says.
    pub(super) fn claimed(&self) -> u64 {
        self.claimed.0.load()
    }

    /// Reader: what `look` says of the oldest unread entry, without claiming it; it may be overwritten meanwhile.
    pub(super) fn peek<T>(
        &self,
        capacity: u64,
        look: impl FnOnce(u64) -> T,
    ) -> Result<Option<T>, Corrupt> {
        let unread = self.unread(capacity)?;
        Ok((unread > 0).then(|| look(self.claimed.0.load())))
    }

    /// Reader: claims the oldest unread entry and gives its position and the copy that `copy` made of it. Has to be
    /// followed by [`Ring::done`].
    pub(super) fn claim<T>(
        &self,
        capacity: u64,
        mut copy: impl FnMut(u64) -> T,
    ) -> Result<Option<(u64, T)>, Corrupt> {
        // A publisher that overwrites without end must not keep the reader here: it comes again.
        for _ in 0..=capacity {
            let claimed = self.claimed.0.load();
            let unread = match self.written.0.load().checked_sub(claimed) {
                Some(unread) => unread,
                None => return Err(Corrupt),
            };
            if unread == 0 {
                return Ok(None);
            }
            let copied = copy(claimed);
            if self.claimed.0.exchange(claimed, claimed + 1) {
                // Checked now: before, the publisher may have been overwriting.
                return match unread <= capacity {
                    true => Ok(Some((claimed, copied))),
                    false => Err(Corrupt),
                };
            }
        }
        Ok(None)
    }

    /// Reader: it is done with the entry that it has claimed at `position`.
    pub(super) fn done(&self, position: u64) {
        self.taken.0.store(position + 1);
    }
}

#[cfg(test)]
mod tests {
    use loom::{
        sync::{
            Arc,
            atomic::{AtomicU64 as ModelWord, AtomicUsize as ModelCount},
        },
        thread,
    };

    use super::*;

    impl Position for ModelWord {
        fn load(&self) -> u64 {
            self.load(Ordering::Acquire)
        }

        fn store(&self, value: u64) {
            self.store(value, Ordering::Release);
        }

        fn exchange(&self, from: u64, to: u64) -> bool {
            self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        }
    }

    const CAPACITY: u64 = 2;

    /// A ring of entries of two words, and how many references each frame has: one while the publisher keeps it, one
    /// while the reader has it.
    struct Model {
        ring: Ring<ModelWord>,
        entries: [[ModelWord; 2]; CAPACITY as usize],
        references: Vec<ModelCount>,
    }

    impl Model {
        fn new(frames: u64) -> Arc<Self> {
            Arc::new(Self {
                ring: Ring {
                    written: Line(ModelWord::new(0)),
                    claimed: Line(ModelWord::new(0)),
                    taken: Line(ModelWord::new(0)),
                },
                entries: std::array::from_fn(|_| [ModelWord::new(0), ModelWord::new(0)]),
                references: (0..frames).map(|_| ModelCount::new(0)).collect(),
            })
        }

        fn entry(&self, position: u64) -> &[ModelWord; 2] {
            &self.entries[(position % CAPACITY) as usize]
        }

        fn reference(&self, frame: u64, change: isize) -> usize {
            let word = &self.references[frame as usize];
            // As zenoh counts.
            match change > 0 {
                true => word.fetch_add(1, Ordering::SeqCst),
                false => word.fetch_sub(1, Ordering::SeqCst),
            }
        }

        fn copy(&self, position: u64) -> [u64; 2] {
            let entry = self.entry(position);
            [0, 1].map(|word| entry[word].load(Ordering::Relaxed))
        }

        /// Publishes all frames; gives those that it overwrote, and drops what the reader is done with on the way.
        fn publish(&self, frames: u64, overwrite: bool) -> Vec<u64> {
            let mut kept = Vec::new();
            let mut overwritten = Vec::new();
            for frame in 0..frames {
                match self.ring.make_room(frame, CAPACITY, overwrite).unwrap() {
                    Room::Overwritten(position) => {
                        kept.retain(|kept| *kept != position);
                        self.reference(position, -1);
                        overwritten.push(position);
                    }
                    Room::Free => {}
                    Room::Full => break,
                }
                self.reference(frame, 1);
                kept.push(frame);
                for word in self.entry(frame) {
                    word.store(frame + 10, Ordering::Relaxed);
                }
                self.ring.publish(frame);
                self.let_go(&mut kept, frame + 1);
            }
            self.let_go(&mut kept, frames);
            overwritten
        }

        fn let_go(&self, kept: &mut Vec<u64>, next: u64) {
            let taken = self.ring.taken(next).unwrap();
            kept.retain(|frame| {
                let stays = *frame >= taken;
                if !stays {
                    self.reference(*frame, -1);
                }
                stays
            });
        }

        /// Takes what is there, up to `tries` times.
        fn take(&self, tries: u64) -> Vec<u64> {
            let mut taken = Vec::new();
            for _ in 0..tries {
                if let Some((position, words)) = self
                    .ring
                    .claim(CAPACITY, |position| self.copy(position))
                    .unwrap()
                {
                    assert_eq!(words, [position + 10; 2], "torn, or another frame's");
                    let before = self.reference(position, 1);
                    assert!(
                        before > 0,
                        "the publisher has let go of an entry that is read"
                    );
                    self.ring.done(position);
                    taken.push(position);
                }
            }
            taken
        }
    }

    fn check(frames: u64, overwrite: bool) {
        let mut bounded = loom::model::Builder::new();
        bounded.preemption_bound = Some(3);
        bounded.check(move || {
            let model = Model::new(frames);
            let publisher = {
                let model = model.clone();
                thread::spawn(move || model.publish(frames, overwrite))
            };
            let mut taken = model.take(2);
            let overwritten = publisher.join().unwrap();
            taken.extend(model.take(CAPACITY));
            assert!(taken.is_sorted(), "{taken:?}");
            let written = model.ring.written();
            let mut all: Vec<_> = taken.iter().chain(&overwritten).copied().collect();
            all.sort_unstable();
            assert_eq!(
                all,
                (0..written).collect::<Vec<_>>(),
                "each once: {taken:?} {overwritten:?}"
            );
            assert!(overwrite || overwritten.is_empty());
        });
    }

    #[test]
    fn each_entry_is_read_whole_or_overwritten_and_never_both() {
        check(4, true);
    }

    #[test]
    fn a_full_ring_that_refuses_loses_nothing() {
        check(3, false);
    }

    fn ring(written: u64, claimed: u64, taken: u64) -> Ring {
        let ring: Ring = Ring::default();
        ring.written.0.store(written, Ordering::Relaxed);
        ring.claimed.0.store(claimed, Ordering::Relaxed);
        ring.taken.0.store(taken, Ordering::Relaxed);
        ring
    }

    #[test]
    fn positions_that_nobody_honest_can_have_written_are_corrupt() {
        for (written, claimed) in [(0, 1), (5, 9), (9, 5), (u64::MAX, 0), (0, u64::MAX)] {
            let ring = || ring(written, claimed, 0);
            let what = format!("{written} {claimed}");
            assert_eq!(ring().unread(3), Err(Corrupt), "{what}");
            assert_eq!(ring().claim(3, |_| ()), Err(Corrupt), "{what}");
            assert_eq!(ring().make_room(written, 3, true), Err(Corrupt), "{what}");
        }
        assert_eq!(ring(5, 5, 6).taken(5), Err(Corrupt));
    }

    #[test]
    fn an_entry_goes_where_there_is_room_or_over_the_oldest() {
        assert_eq!(ring(5, 3, 3).make_room(5, 3, false), Ok(Room::Free));
        assert_eq!(ring(6, 3, 3).make_room(6, 3, false), Ok(Room::Full));
        let full = ring(6, 3, 3);
        assert_eq!(full.make_room(6, 3, true), Ok(Room::Overwritten(3)));
        full.publish(6);
        assert_eq!(full.unread(3), Ok(3));
        assert_eq!(full.claim(3, |position| position), Ok(Some((4, 4))));
    }
}
