//! The end of an output: waiting until its consumers have received everything, and have read it.
//!
//! dora's consumers put what arrives in a queue, and read "input closed" and "stop" before anything that is still
//! in it. So the daemon must not hear that the output has closed before those queues are empty. An answer to a marker
//! proves only that a message has arrived. Slots prove more: a consumer holds the slot of a message until it has read
//! it and let go of it.
//!
//! Knowingly weak:
//! - A slot that is held does not tell whether its message was read. Many consumers keep a message until the next one
//!   arrives, and at the end none does. So when only one message is still held, it is taken for read after twice the
//!   longest pause that was seen before, and after `LAST_MESSAGE` at least. A consumer that lets go of each message
//!   before it is done with it, and is slower than that, may read the last one after the end.
//! - Nothing tells when a message that travelled as bytes was read.
//! - Where nothing has travelled in a slot, a consumer whose process hides which node it is (one that writes its title
//!   over its environment) is taken for ended when it has not answered within `LOOK_FOR_CONSUMERS_EVERY`.

use std::time::{Duration, Instant};

use zenoh::Wait;
use zenoh_pinned::{PinnedPool, Slot};

use super::{
    Route,
    answers::deadline,
    consumers::is_running,
    trial::{LOOK_EVERY, eventually, has_come_back},
};
use crate::dora::{RequiredAcker, link::description::NodeDescription, reason};

/// How often is checked who is still there.
const LOOK_FOR_CONSUMERS_EVERY: Duration = Duration::from_millis(50);

/// So long at least the last message is taken for unread while it is held.
const LAST_MESSAGE: Duration = Duration::from_millis(100);

/// The longest wait for consumers that go on reading, in units of the patience.
const MOST_PATIENCES: u32 = 10;

/// What is known of an output that ends.
pub(crate) struct Ending<'a> {
    pub(crate) node: &'a NodeDescription,
    pub(crate) pools: &'a [PinnedPool],
    /// Slots that this process itself keeps.
    pub(crate) kept_here: u32,
    pub(crate) patience: Duration,
}

impl Route {
    /// Waits until the consumers that are still there have read everything that was sent.
    pub(crate) fn flush(&self, ending: &Ending<'_>) {
        match self.consumers.is_empty() {
            true => self.wait_until_unnamed_have_it(ending),
            false => self.wait_until_arrived(ending),
        }
        self.wait_until_read(ending);
    }

    fn wait_until_arrived(&self, ending: &Ending<'_>) {
        let until = deadline(ending.patience);
        let mut missing = self.listening(ending);
        if !missing.is_empty() {
            self.answers.forget(until);
        }
        while !missing.is_empty() {
            let look_again_at = Instant::now() + LOOK_FOR_CONSUMERS_EVERY;
            let asked = self
                .answers
                .ask_on(&self.publisher, &missing, look_again_at.min(until));
            missing = asked.missing;
            if missing.is_empty() {
                return;
            }
            // A consumer that has ended meanwhile misses nothing.
            let listening = self.listening(ending);
            missing.retain(|consumer| {
                // Who is there is seen by who holds the pools; where there are none, by the processes that run.
                let is_there = !ending.pools.is_empty()
                    || is_running(&consumer.node_id, ending.node.dataflow_id);
                listening.contains(consumer) && is_there
            });
            if Instant::now() >= until && !missing.is_empty() {
                tracing::warn!(
                    "{} may not have received the last messages",
                    reason::list(&missing)
                );
                return;
            }
        }
    }

    /// Consumers that dora does not name do not answer. But they give the reference to a marker back, in order.
    fn wait_until_unnamed_have_it(&self, ending: &Ending<'_>) {
        if !self.is_proven || !self.anybody_listens() {
            return;
        }
        let until = deadline(ending.patience);
        let slot = ending.pools.iter().find_map(|pool| {
            let wait = until.saturating_duration_since(Instant::now());
            pool.alloc_timeout(1, wait).ok()
        });
        let Some(marker) = slot.map(Slot::into_shm) else {
            return tracing::warn!("the last messages may not have been received");
        };
        self.answers.mark(&self.publisher, marker.clone());
        if !eventually(until, || has_come_back(&marker) || !self.anybody_listens()) {
            tracing::warn!("the last messages may not have been received");
        }
    }

    fn wait_until_read(&self, ending: &Ending<'_>) {
        let started = Instant::now();
        let mut progress = Progress::at(started, ending.unread());
        let mut look_at = started;
        while progress.unread > 0 {
            let now = Instant::now();
            if now >= look_at {
                let is_anybody_there = match self.consumers.is_empty() {
                    true => self.anybody_listens(),
                    false => !self.listening(ending).is_empty(),
                };
                if !is_anybody_there {
                    return;
                }
                look_at = now + LOOK_FOR_CONSUMERS_EVERY;
            }
            let most = ending.patience.saturating_mul(MOST_PATIENCES);
            if progress.is_over(now, ending.patience) || now.duration_since(started) >= most {
                tracing::info!(
                    messages = progress.unread,
                    "consumers keep the last messages, or have not read them"
                );
                return;
            }
            std::thread::sleep(LOOK_EVERY);
            progress.look(Instant::now(), ending.unread());
        }
    }

    /// The consumers that may still read something.
    fn listening(&self, ending: &Ending<'_>) -> Vec<RequiredAcker> {
        match self.anybody_listens() {
            true => self.still_there(ending.node, ending.pools),
            false => Vec::new(),
        }
    }

    fn anybody_listens(&self) -> bool {
        let status = self.publisher.matching_status().wait();
        status.map_or(true, |status| status.matching())
    }
}

impl Ending<'_> {
    fn unread(&self) -> u32 {
        let in_use = self.pools.iter().map(|pool| pool.statistics().in_use);
        in_use.sum::<u32>().saturating_sub(self.kept_here)
    }
}

/// How consumers proceed with what they have not read.
struct Progress {
    unread: u32,
    last: Instant,
    longest_pause: Duration,
}

impl Progress {
    fn at(now: Instant, unread: u32) -> Self {
        Self {
            unread,
            last: now,
            longest_pause: Duration::ZERO,
        }
    }

    fn look(&mut self, now: Instant, unread: u32) {
        if unread < self.unread {
            self.longest_pause = self.longest_pause.max(now.duration_since(self.last));
            self.last = now;
            self.unread = unread;
        }
    }

    /// Whether nothing more is to be expected.
    fn is_over(&self, now: Instant, patience: Duration) -> bool {
        let pause = match self.unread {
            0 | 1 => (self.longest_pause * 2).max(LAST_MESSAGE).min(patience),
            _ => patience,
        };
        now.duration_since(self.last) >= pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[test]
    fn several_unread_messages_are_waited_for_as_long_as_one_is_read_now_and_then() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut progress = Progress::at(start, 3);
        assert!(!progress.is_over(after(999), PATIENCE));
        assert!(progress.is_over(after(1000), PATIENCE));
        progress.look(after(900), 2);
        assert!(!progress.is_over(after(1899), PATIENCE));
        assert!(progress.is_over(after(1900), PATIENCE));
    }

    #[test]
    fn the_last_message_is_taken_for_read_after_a_pause_that_the_consumer_has_shown() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut progress = Progress::at(start, 1);
        assert!(!progress.is_over(after(99), PATIENCE));
        assert!(progress.is_over(after(100), PATIENCE));
        progress = Progress::at(start, 3);
        progress.look(after(200), 2);
        progress.look(after(300), 1);
        assert!(!progress.is_over(after(699), PATIENCE));
        assert!(progress.is_over(after(700), PATIENCE));
    }
}
