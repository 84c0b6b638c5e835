//! The hard bound on bytes that a process has registered.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::path::FallbackReason;

/// A number of bytes that is never exceeded. Shared by whoever reserves from it.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicU64::new(0),
        })
    }

    pub(crate) fn used(&self) -> u64 {
        // Relaxed: a number to look at.
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` out of the budget until the reservation is dropped.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, FallbackReason> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        // Relaxed: the sum is kept by the atomicity of each change; no other memory depends on it.
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        match taken {
            Ok(_) => Ok(Reservation {
                budget: self.clone(),
                bytes,
            }),
            Err(used_bytes) => Err(FallbackReason::OverBudget {
                needed_bytes: bytes,
                used_bytes,
                limit_bytes: self.limit,
            }),
        }
    }
}

/// Bytes taken out of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_reached_but_never_exceeded() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert!(matches!(
            budget.reserve(41),
            Err(FallbackReason::OverBudget {
                needed_bytes: 41,
                used_bytes: 60,
                limit_bytes: 100
            })
        ));
        let second = budget.reserve(40).unwrap();
        assert!(budget.reserve(u64::MAX).is_err());
        drop((first, second));
        assert_eq!(budget.used(), 0);
    }
}
