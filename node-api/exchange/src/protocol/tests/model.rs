//! The protocol at every interleaving of few preemptions that the memory model allows.

use loom::sync::{Arc, atomic::AtomicU64 as ModelWord};

use super::*;

impl Word for ModelWord {
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    fn fence(order: Ordering) {
        loom::sync::atomic::fence(order);
    }

    fn store_all(words: &[Self], record: &[Bytes]) {
        for (word, bytes) in words.iter().zip(record) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
    }

    fn load_all(words: &[Self], record: &mut [Bytes]) {
        for (word, bytes) in words.iter().zip(record) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
    }
}

/// With at most three preemptions, which is what such faults need.
fn bounded() -> loom::model::Builder {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(3);
    bounded
}

fn model(messages: u64, slots: usize, read: fn(&Memory<ModelWord>)) {
    bounded().check(move || {
        let memory = Arc::new(Memory::of(slots, ModelWord::new));
        let written = memory.clone();
        let writer = loom::thread::spawn(move || (1..=messages).for_each(|n| written.write(n)));
        read(&memory);
        writer.join().unwrap();
    });
}

#[test]
fn the_newest_message_is_whole_at_every_interleaving() {
    model(3, 2, |memory| {
        let mut last = 0;
        for _ in 0..2 {
            let mut found = [[0; 8]; 2];
            match memory.lane().read_newest(last, 2, &mut found) {
                Ok(None) | Err(ReadError::Overrun) => {}
                Ok(Some(stamp)) => {
                    assert_eq!(found, record(stamp.sequence));
                    assert!(stamp.sequence > last);
                    last = stamp.sequence;
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn messages_that_are_read_one_after_the_other_are_whole_and_those_left_out_are_counted() {
    model(3, 2, |memory| {
        let mut last = 0;
        for _ in 0..2 {
            let mut found = [[0; 8]; 2];
            if let Ok(Some(stamp)) = memory.lane().read_next(last, 1, &mut found) {
                assert_eq!(found, record(stamp.sequence));
                assert_eq!(stamp.sequence, last + stamp.missed + 1);
                last = stamp.sequence;
            }
        }
    });
}

#[test]
fn a_lane_of_one_slot_gives_whole_messages_or_none() {
    model(2, 1, |memory| {
        let mut found = [[0; 8]; 2];
        if let Ok(Some(stamp)) = memory.lane().read_newest(0, 2, &mut found) {
            assert_eq!(found, record(stamp.sequence));
        }
    });
}

/// A writer that dies within message 2, and its successor, which the lock orders behind it.
#[test]
fn what_a_successor_of_an_interrupted_writer_writes_is_whole_at_every_interleaving() {
    bounded().check(|| {
        let memory = Arc::new(Memory::of(2, ModelWord::new));
        let written = memory.clone();
        let writers = loom::thread::spawn(move || {
            written.write(1);
            let (version, words) = written.lane().slot(2);
            version.store(3, Ordering::Relaxed);
            ModelWord::fence(Ordering::Release);
            words[0].store(2, Ordering::Relaxed);
            let successors = written.lane().resume().unwrap();
            assert_eq!(successors, 3);
            written.write(successors);
        });
        let mut last = 0;
        for _ in 0..2 {
            let mut found = [[0; 8]; 2];
            if let Ok(Some(stamp)) = memory.lane().read_next(last, 1, &mut found) {
                assert_eq!(found, record(stamp.sequence));
                assert_ne!(stamp.sequence, 2);
                last = stamp.sequence;
            }
        }
        writers.join().unwrap();
    });
}
