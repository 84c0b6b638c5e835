//! A thread that sleeps on a subscriber's bell for those who cannot: tasks, and event loops that wait for something else.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh_pinned::bindings::line::sleep_unless;

use super::receiving::Receiving;

/// How long the thread sleeps before it looks whether the subscriber is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether the thread runs. It ends with the subscriber.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    is_running: AtomicBool,
    ends: Arc<AtomicBool>,
}

impl Announcing {
    /// Starts the thread, unless it runs.
    pub(super) fn start(&self, receiving: &Arc<Receiving>) {
        // Relaxed: one flag that is set once.
        if receiving.inbox().is_err() || self.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        let (weak, ends) = (Arc::downgrade(receiving), self.ends.clone());
        let thread = std::thread::Builder::new().name(String::from("zpin-announcing"));
        if let Err(error) = thread.spawn(move || run(&weak, &ends)) {
            tracing::error!(%error, "tasks are not woken by frames");
            self.is_running.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Announcing {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn run(receiving: &Weak<Receiving>, ends: &AtomicBool) {
    let mut seen = 0;
    while let Some(receiving) = receiving.upgrade() {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        let longest = receiving.longest_sleep().min(LOOK_EVERY);
        sleep_unless(&[receiving.bell()], longest, || {
            receiving.arrivals() != seen || ends.load(Ordering::Relaxed)
        });
        let now = receiving.arrivals();
        // A lane that waited for earlier frames may have waited long enough.
        if now != seen || longest < LOOK_EVERY {
            seen = now;
            receiving.announce();
        }
    }
}
