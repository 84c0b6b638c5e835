//! A protocol that tears: the writer takes its index before it has written, and the reader looks at nothing afterwards.
//!
//! ```text
//! writer: index = fetch_add(write_index, 1); slot index % 4 = record; fence(release)
//! reader: slot (write_index - 1) % 4
//! ```
//!
//! A reader that takes slot `write_index % 4`, the oldest one, tears less often, and reads what is long past.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::*;
use harness::{numbered::Numbered, words::Words};
use zenoh_pinned_exchange::bytemuck;

const SLOTS: usize = 4;
const RECORD_WORDS: usize = size_of::<Numbered>() / 8;

/// The index, then the slots.
fn slot_of(words: &Words, index: u64) -> &[AtomicU64] {
    let slot = index as usize % SLOTS;
    &words.atomics()[8 + slot * RECORD_WORDS..][..RECORD_WORDS]
}

#[test]
fn the_harness_sees_the_tears_of_a_protocol_that_has_some() {
    let name = Name::new();
    let bytes = 64 + SLOTS * size_of::<Numbered>();
    std::fs::write(name.path(), vec![0; bytes]).unwrap();
    let mut worker = worker::orders("seed::worker_writer")
        .with("NAME", &*name)
        .start();
    worker.line("writes");
    let words = Words::of_path(&name.path());
    let mut record = Numbered::of(0);
    let mut last = 0;
    let count = read(
        |count| count.torn > 0,
        |count| {
            let newest = words.atomics()[0].load(Ordering::Relaxed);
            if newest == last {
                return std::hint::spin_loop();
            }
            last = newest;
            let copy: &mut [u64] = bytemuck::cast_slice_mut(bytemuck::bytes_of_mut(&mut record));
            for (word, found) in copy.iter_mut().zip(slot_of(&words, newest - 1)) {
                *word = found.load(Ordering::Relaxed);
            }
            count.reads += 1;
            count.torn += u64::from(!record.is_whole());
        },
    );
    println!(
        "seed: {count:?}, {:.1} % torn",
        100.0 * count.torn as f64 / count.reads as f64
    );
    assert!(count.torn > 0, "{count:?}");
    worker.end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_writer() {
    let words = Words::of_path(format!("/dev/shm/{}", worker::order("NAME")).as_ref());
    let mut record = Numbered::of(0);
    write_at_full_speed(|number| {
        record.become_of(number);
        let index = words.atomics()[0].fetch_add(1, Ordering::SeqCst);
        let record: &[u64] = bytemuck::cast_slice(bytemuck::bytes_of(&record));
        for (word, of_slot) in record.iter().zip(slot_of(&words, index)) {
            of_slot.store(*word, Ordering::Relaxed);
        }
        fence(Ordering::Release);
    });
}
