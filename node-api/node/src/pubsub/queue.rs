//! Frames that wait to be taken, newest last; the oldest makes room.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct Queue<T> {
    capacity: usize,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
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
            waiting: Mutex::new(Waiting {
                items: VecDeque::new(),
                overrun: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn push(&self, item: T) {
        let mut waiting = self.lock();
        let oldest = match waiting.items.len() >= self.capacity {
            true => waiting.items.pop_front(),
            false => None,
        };
        waiting.overrun += u64::from(oldest.is_some());
        waiting.items.push_back(item);
        drop(waiting);
        self.changed.notify_one();
        // Its release wakes a producer, which is not for under a lock.
        drop(oldest);
    }

    /// Takes the oldest, waiting for one until `until`, or for ever.
    pub(super) fn take(&self, until: Option<Instant>) -> Taken<T> {
        let mut waiting = self.lock();
        loop {
            if let Some(item) = waiting.items.pop_front() {
                return Taken::Item(item);
            }
            if waiting.closed {
                return Taken::Closed;
            }
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return Taken::Nothing;
            }
            let waited = self.changed.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
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

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // The queue is whole between any two of its operations.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
