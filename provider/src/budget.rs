//! The hard bound on bytes that a process has registered.
//!
//! A pinner has a budget of its own; all of a process together have half of the machine's memory.
//! Knowingly weak: nothing is counted over the processes of a host yet.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU64, Ordering},
};

use crate::{os::limits, path::FallbackReason};

/// What all pinners of this process share.
static OF_PROCESS: LazyLock<Arc<Budget>> = LazyLock::new(|| {
    Arc::new(Budget {
        limit: limits::physical_memory() / 2,
        used: AtomicU64::new(0),
        wider: None,
    })
});

/// A number of bytes that is never exceeded. Shared by whoever reserves from it.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    /// What is taken here is taken there too.
    wider: Option<Arc<Budget>>,
}

impl Budget {
    /// A budget within that of the process.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicU64::new(0),
            wider: Some(OF_PROCESS.clone()),
        })
    }

    pub(crate) fn used(&self) -> u64 {
        // Relaxed: a number to look at.
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` out of the budget until the reservation is dropped.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, FallbackReason> {
        let wider = match &self.wider {
            Some(wider) => Some(Box::new(wider.reserve(bytes)?)),
            None => None,
        };
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        // Relaxed: the sum is kept by the atomicity of each change; no other memory depends on it.
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        match taken {
            Ok(_) => Ok(Reservation {
                budget: self.clone(),
                bytes,
                _wider: wider,
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
    _wider: Option<Box<Reservation>>,
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

    #[test]
    fn budgets_of_one_process_share_its_limit() {
        let wider = Arc::new(Budget {
            limit: 100,
            used: AtomicU64::new(0),
            wider: None,
        });
        let within = |limit| {
            Arc::new(Budget {
                limit,
                used: AtomicU64::new(0),
                wider: Some(wider.clone()),
            })
        };
        let (first, second) = (within(80), within(80));
        let held = first.reserve(70).unwrap();
        assert!(matches!(
            second.reserve(40),
            Err(FallbackReason::OverBudget {
                limit_bytes: 100,
                ..
            })
        ));
        // A refusal by the narrow budget gives back what the wider one gave.
        assert!(first.reserve(20).is_err());
        assert_eq!((wider.used(), second.used()), (70, 0));
        drop(held);
        assert_eq!(wider.used(), 0);
        drop(second.reserve(80).unwrap());
    }
}
