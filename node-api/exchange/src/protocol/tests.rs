#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// The model checker switches stacks by itself, which Miri does not follow.
#[cfg(not(miri))]
mod model;

use super::*;

/// Slots of two words and a version.
const SLOT_WORDS: usize = RECORD_WORDS + 1;
const RECORD_WORDS: usize = 2;

struct Memory<W> {
    newest: W,
    slots: Vec<W>,
}

impl<W: Word> Memory<W> {
    fn of(slots: usize, word: impl Fn(u64) -> W) -> Self {
        Self {
            newest: word(0),
            slots: (0..slots * SLOT_WORDS).map(|_| word(0)).collect(),
        }
    }

    fn lane(&self) -> Lane<'_, W> {
        Lane::new(&self.newest, &self.slots, SLOT_WORDS, RECORD_WORDS)
    }

    /// Writes a message whose two words tell whether they belong together.
    fn write(&self, number: u64) {
        self.lane().write(number, &record(number));
    }
}

fn record(number: u64) -> [Bytes; 2] {
    [number.to_ne_bytes(), (number * 1000).to_ne_bytes()]
}

fn plain(slots: usize) -> Memory<AtomicU64> {
    Memory::of(slots, AtomicU64::new)
}

fn newest(memory: &Memory<AtomicU64>, last: u64) -> Result<Option<Stamp>, ReadError> {
    memory.lane().read_newest(last, 4, &mut [[0; 8]; 2])
}

#[test]
fn nothing_is_new_before_the_first_message_and_after_the_last() {
    let memory = plain(4);
    assert_eq!(newest(&memory, 0), Ok(None));
    (1..=9).for_each(|number| memory.write(number));
    assert_eq!(
        newest(&memory, 4),
        Ok(Some(Stamp {
            sequence: 9,
            missed: 4
        }))
    );
    assert_eq!(newest(&memory, 9), Ok(None));
}

#[test]
fn a_reader_that_follows_gets_what_is_left_in_order() {
    let memory = plain(4);
    (1..=6).for_each(|number| memory.write(number));
    let mut last = 0;
    let mut seen = Vec::new();
    let mut found = [[0; 8]; 2];
    while let Some(stamp) = memory.lane().read_next(last, 4, &mut found).unwrap() {
        assert_eq!(found, record(stamp.sequence));
        seen.push((stamp.sequence, stamp.missed));
        last = stamp.sequence;
    }
    assert_eq!(seen, [(3, 2), (4, 0), (5, 0), (6, 0)]);
}

#[test]
fn a_message_that_its_writer_did_not_finish_is_seen_by_nobody_and_its_number_is_not_used_again() {
    let memory = plain(4);
    (1..=5).for_each(|number| memory.write(number));
    let interrupted = 6_u64;
    memory.slots[SLOT_WORDS + RECORD_WORDS].store(2 * interrupted - 1, Ordering::Relaxed);
    memory.slots[SLOT_WORDS].store(interrupted, Ordering::Relaxed);
    assert_eq!(newest(&memory, 4).unwrap().unwrap().sequence, 5);
    assert_eq!(memory.lane().resume(), Some(7));
    memory.write(7);
    let stamp = memory.lane().read_next(5, 4, &mut [[0; 8]; 2]);
    assert_eq!(
        stamp,
        Ok(Some(Stamp {
            sequence: 7,
            missed: 1
        }))
    );
}

#[test]
fn a_successor_goes_on_behind_the_newest_whole_message() {
    assert_eq!(plain(4).lane().resume(), Some(1));
    for written in [1, 3, 4, 5, 1000] {
        let memory = plain(4);
        (1..=written).for_each(|number| memory.write(number));
        assert_eq!(memory.lane().resume(), Some(written + 1));
    }
}

#[test]
fn a_message_that_is_being_written_all_the_while_is_an_overrun_not_a_wait() {
    let memory = plain(1);
    memory.write(1);
    memory.slots[RECORD_WORDS].store(3, Ordering::Relaxed);
    assert_eq!(newest(&memory, 0), Err(ReadError::Overrun));
}

#[test]
fn numbers_that_no_writer_stores_are_refused_wherever_they_stand() {
    for hostile in [LAST_NUMBER, 1 << 63, u64::MAX - 1, u64::MAX] {
        let memory = plain(4);
        memory.newest.store(hostile, Ordering::Relaxed);
        let refused = Err(ReadError::Malformed {
            newest: hostile,
            last: 3,
        });
        let mut found = [[0; 8]; 2];
        assert_eq!(newest(&memory, 3), refused);
        assert_eq!(memory.lane().read_next(3, 4, &mut found), refused);
        assert_eq!(memory.lane().resume(), None);
        memory.newest.store(0, Ordering::Relaxed);
        memory.slots[RECORD_WORDS].store(hostile, Ordering::Relaxed);
        memory.newest.store(1, Ordering::Relaxed);
        assert_eq!(newest(&memory, 0), Err(ReadError::Overrun));
        assert_eq!(
            memory.lane().read_next(0, 4, &mut found),
            Err(ReadError::Overrun)
        );
    }
    let memory = plain(4);
    memory.write(1);
    assert!(matches!(
        newest(&memory, 2),
        Err(ReadError::Malformed { .. })
    ));
}

/// Under Miri, too, which gives relaxed loads old values.
#[test]
fn a_reader_beside_a_writer_gets_whole_messages_in_order() {
    let memory = plain(2);
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=100).for_each(|number| memory.write(number)));
        let (mut last, mut found) = (0, [[0; 8]; 2]);
        while last < 100 {
            match memory.lane().read_newest(last, 4, &mut found) {
                Ok(Some(stamp)) => {
                    assert_eq!(found, record(stamp.sequence));
                    assert!(stamp.sequence > last);
                    last = stamp.sequence;
                }
                Ok(None) | Err(ReadError::Overrun) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    });
}
