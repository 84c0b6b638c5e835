//! How much is under way, and whether there is room for more.
//!
//! Invariants: no more requests are under way than may be, and messages hold no more bytes; whoever is let in gives its
//! place back by being dropped, whatever became of it. Every request that was read is counted once, by how it ended.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use super::{ControlError, Limits};

/// What a server has done so far, and does at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections that are open.
    pub connections: usize,
    /// Connections that were closed at once because too many were open.
    pub connections_refused: u64,
    /// Requests that are under way.
    pub under_way: usize,
    /// Bytes that messages under way hold.
    pub held_bytes: usize,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were refused because too many, or too many bytes, were under way.
    pub refused: u64,
    /// Requests whose clients gave them up.
    pub given_up: u64,
}

#[derive(Debug)]
pub(super) struct Capacity {
    most_requests: usize,
    most_bytes: usize,
    pub(super) connections: AtomicUsize,
    pub(super) connections_refused: AtomicU64,
    requests: AtomicUsize,
    bytes: AtomicUsize,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    given_up: AtomicU64,
}

impl Capacity {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            most_requests: limits.requests,
            most_bytes: limits.held_bytes,
            connections: AtomicUsize::new(0),
            connections_refused: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
            under_way: self.requests.load(Relaxed),
            held_bytes: self.bytes.load(Relaxed),
            answered: self.answered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
        }
    }

    /// Lets one request more in.
    pub(super) fn request(self: &Arc<Self>) -> Result<Place, ControlError> {
        if !take(&self.requests, 1, self.most_requests) {
            let refusal = ControlError::TooManyRequests {
                most: self.most_requests,
            };
            self.count(&Err(&refusal));
            return Err(refusal);
        }
        Ok(Place {
            capacity: Arc::clone(self),
            ended: false,
        })
    }

    /// For bytes that will come.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        Held {
            capacity: Arc::clone(self),
            bytes: 0,
        }
    }

    /// How a request has ended.
    pub(super) fn count(&self, ended: &Result<(), &ControlError>) {
        let counter = match ended {
            Ok(()) => &self.answered,
            Err(error) if error.is_refusal() => &self.refused,
            Err(_) => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
    }
}

/// Whether `more` can be added to `counter` without it passing `most`; then they are.
fn take(counter: &AtomicUsize, more: usize, most: usize) -> bool {
    let added = |count: usize| count.checked_add(more).filter(|count| *count <= most);
    counter.fetch_update(Relaxed, Relaxed, added).is_ok()
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Place {
    capacity: Arc<Capacity>,
    ended: bool,
}

impl Place {
    /// Counts how it has ended and gives the place back. Dropped without, its client has given it up.
    pub(super) fn end(mut self, ended: &Result<(), &ControlError>) {
        self.ended = true;
        self.capacity.count(ended);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.ended {
            self.capacity.given_up.fetch_add(1, Relaxed);
        }
        self.capacity.requests.fetch_sub(1, Relaxed);
    }
}

/// Bytes of a message that is under way.
#[derive(Debug)]
pub(super) struct Held {
    capacity: Arc<Capacity>,
    bytes: usize,
}

impl Held {
    /// So many bytes more.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ControlError> {
        if !take(&self.capacity.bytes, bytes, self.capacity.most_bytes) {
            return Err(ControlError::TooManyBytes {
                most: self.capacity.most_bytes,
            });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// What it holds, so that this holds nothing any more.
    pub(super) fn take(&mut self) -> Self {
        Self {
            capacity: Arc::clone(&self.capacity),
            bytes: std::mem::take(&mut self.bytes),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.capacity.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(requests: usize, held_bytes: usize) -> Arc<Capacity> {
        Arc::new(Capacity::of(&Limits {
            requests,
            held_bytes,
            ..Limits::default()
        }))
    }

    #[test]
    fn a_place_is_given_back_and_counted_by_how_it_ended() {
        let capacity = capacity(2, 1);
        let first = capacity.request().unwrap();
        let second = capacity.request().unwrap();
        assert!(matches!(
            capacity.request(),
            Err(ControlError::TooManyRequests { most: 2 })
        ));
        first.end(&Ok(()));
        let third = capacity.request().unwrap();
        drop(second);
        third.end(&Err(&ControlError::Closing));
        capacity
            .request()
            .unwrap()
            .end(&Err(&ControlError::TooManyBytes { most: 1 }));
        let expected = Counts {
            answered: 1,
            failed: 1,
            refused: 2,
            given_up: 1,
            ..Counts::default()
        };
        assert_eq!(capacity.counts(), expected);
    }

    #[test]
    fn bytes_are_held_until_their_holder_is_dropped() {
        let capacity = capacity(1, 10);
        let mut held = capacity.hold();
        held.grow(6).unwrap();
        assert!(matches!(
            held.grow(5),
            Err(ControlError::TooManyBytes { most: 10 })
        ));
        assert!(held.grow(usize::MAX).is_err());
        let taken = held.take();
        held.grow(4).unwrap();
        assert_eq!(capacity.counts().held_bytes, 10);
        drop(taken);
        assert_eq!(capacity.counts().held_bytes, 4);
        drop(held);
        assert_eq!(capacity.counts().held_bytes, 0);
    }
}
