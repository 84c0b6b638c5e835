//! A producer's work: frames that tell which they are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use zenoh::{Wait, pubsub::Publisher};
use zenoh_pinned::PinnedPool;

use crate::{BYTES, harness::frames};

/// Publishes frame `sequence`; its number goes beside it.
pub fn publish(pool: &PinnedPool, publisher: &Publisher<'_>, sequence: u64) {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    publisher
        .put(slot.into_shm())
        .attachment(sequence.to_le_bytes())
        .wait()
        .unwrap();
}

/// A thread that publishes one frame after the other.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Load {
    /// Waits for `pause` after each frame.
    pub fn start(pool: &PinnedPool, publisher: Publisher<'static>, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (stop, pool) = (stop.clone(), pool.clone());
            move || {
                let mut sequence = 0;
                while !stop.load(Ordering::Relaxed) {
                    publish(&pool, &publisher, sequence);
                    sequence += 1;
                    std::thread::sleep(pause);
                }
                sequence
            }
        });
        Self { stop, thread }
    }

    /// Ends the load; gives the number of frames published.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
