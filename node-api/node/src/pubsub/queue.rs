//! A bounded queue whose oldest item makes room for a new one.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct Queue<T> {
    capacity: usize,
    queued: Mutex<Queued<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Queued<T> {
    items: VecDeque<T>,
    overrun: u64,
    closed: bool,
}

/// What a queue gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    Item(T),
    Nothing,
    Closed,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            queued: Mutex::new(Queued {
                items: VecDeque::new(),
                overrun: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn push(&self, item: T) {
        let mut queued = self.lock();
        let oldest = match queued.items.len() >= self.capacity {
            true => queued.items.pop_front(),
            false => None,
        };
        queued.overrun += u64::from(oldest.is_some());
        queued.items.push_back(item);
        drop(queued);
        self.changed.notify_one();
        // Not under the lock: dropping a frame may wake its producer.
        drop(oldest);
    }

    /// Takes the oldest, waiting for one until `until`, or for ever.
    pub(super) fn take(&self, until: Option<Instant>) -> Taken<T> {
        let mut queued = self.lock();
        loop {
            if let Some(item) = queued.items.pop_front() {
                return Taken::Item(item);
            }
            if queued.closed {
                return Taken::Closed;
            }
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return Taken::Nothing;
            }
            let waited = self.changed.wait_timeout(queued, left);
            queued = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// After this nothing comes any more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many items had to make room.
    pub(super) fn overrun(&self) -> u64 {
        self.lock().overrun
    }

    fn lock(&self) -> MutexGuard<'_, Queued<T>> {
        // The queue is whole between any two of its operations.
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let queue = Queue::new(2);
        (0..5).for_each(|item| queue.push(item));
        let now = Some(Instant::now());
        assert_eq!(queue.take(now), Taken::Item(3));
        assert_eq!(queue.take(now), Taken::Item(4));
        assert_eq!(queue.take(now), Taken::Nothing);
        assert_eq!(queue.overrun(), 3);
    }

    #[test]
    fn what_waits_is_taken_before_the_end() {
        let queue = Queue::new(4);
        queue.push(1);
        queue.close();
        assert_eq!(queue.take(None), Taken::Item(1));
        assert_eq!(queue.take(None), Taken::Closed);
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let queue = Queue::new(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| queue.take(None));
            std::thread::sleep(Duration::from_millis(10));
            queue.push(7);
            assert_eq!(reader.join().unwrap(), Taken::Item(7));
        });
    }
}
