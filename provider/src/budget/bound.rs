//! Budgets within this process: that of a pinner within that of the process within that of the host.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{HostShare, Purpose, Refused, host, refusal::Refusal};
use crate::{
    os::{limits, per_process::PerProcess},
    reason::BudgetScope,
};

/// What all pinners of this process share.
static OF_PROCESS: PerProcess<Arc<Bound>> =
    PerProcess::new(|| Bound::new(BudgetScope::Process, limits::physical_memory() / 2));

/// A number of bytes that is never exceeded. Shared by whoever takes from it.
#[derive(Debug)]
struct Bound {
    scope: BudgetScope,
    limit: u64,
    used: AtomicU64,
}

/// Bytes taken out of a [`Bound`], given back when dropped.
#[derive(Debug)]
struct Share {
    bound: Arc<Bound>,
    bytes: u64,
}

impl Bound {
    fn new(scope: BudgetScope, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            scope,
            limit,
            used: AtomicU64::new(0),
        })
    }

    fn take(self: &Arc<Self>, bytes: u64) -> Result<Share, Refused> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        // Relaxed: the sum is kept by the atomicity of each change; no other memory depends on it.
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        match taken {
            Ok(_) => Ok(Share {
                bound: self.clone(),
                bytes,
            }),
            Err(used_bytes) => Err(Refused::Over(Refusal {
                scope: self.scope,
                needed_bytes: bytes,
                used_bytes,
                limit_bytes: self.limit,
                users: String::new(),
            })),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bound.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The budget of a pinner: what it takes here it takes from the process and from the host as well.
#[derive(Debug)]
pub(crate) struct Budget {
    own: Arc<Bound>,
    process: Arc<Bound>,
    host_limit: u64,
}

/// Bytes of all three budgets, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    _host: HostShare,
    _process: Share,
    _own: Share,
}

impl Budget {
    /// A budget of `limit` bytes within that of the process, and that of a host with this limit.
    pub(crate) fn new(limit: u64, host_limit: u64) -> Arc<Self> {
        Arc::new(Self {
            own: Bound::new(BudgetScope::Pinner, limit),
            process: OF_PROCESS.clone(),
            host_limit,
        })
    }

    pub(crate) fn used(&self) -> u64 {
        // Relaxed: a number to look at.
        self.own.used.load(Ordering::Relaxed)
    }

    pub(crate) fn host_limit(&self) -> u64 {
        self.host_limit
    }

    /// Takes `bytes` until the reservation is dropped. The narrowest budget is asked first: it costs the
    /// least, and what a wider one refuses is given back on the way out.
    pub(crate) fn reserve(&self, purpose: Purpose, bytes: u64) -> Result<Reservation, Refused> {
        let own = self.own.take(bytes)?;
        let process = self.process.take(bytes)?;
        let host = host::reserve(purpose, bytes, self.host_limit)?;
        Ok(Reservation {
            _host: host,
            _process: process,
            _own: own,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by(outcome: Result<Reservation, Refused>) -> BudgetScope {
        match outcome {
            Err(Refused::Over(refusal)) => refusal.scope,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_limit_is_reached_but_never_exceeded() {
        let budget = Budget::new(100, u64::MAX);
        let reserve = |bytes| budget.reserve(Purpose::Registration, bytes);
        let first = reserve(60).unwrap();
        assert!(matches!(
            reserve(41),
            Err(Refused::Over(Refusal {
                scope: BudgetScope::Pinner,
                needed_bytes: 41,
                used_bytes: 60,
                limit_bytes: 100,
                ..
            }))
        ));
        let second = reserve(40).unwrap();
        assert!(reserve(u64::MAX).is_err());
        drop((first, second));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_a_wider_budget_refuses_is_given_back_by_the_narrower_ones() {
        let process = Bound::new(BudgetScope::Process, 100);
        let within = |limit, host_limit| Budget {
            own: Bound::new(BudgetScope::Pinner, limit),
            process: process.clone(),
            host_limit,
        };
        let (first, second, third) = (within(80, u64::MAX), within(80, u64::MAX), within(80, 10));
        let take = |budget: &Budget, bytes| budget.reserve(Purpose::Registration, bytes);
        let held = take(&first, 70).unwrap();
        assert_eq!(refused_by(take(&second, 40)), BudgetScope::Process);
        assert_eq!(refused_by(take(&first, 20)), BudgetScope::Pinner);
        assert_eq!(refused_by(take(&third, 11)), BudgetScope::Host);
        let used = |bound: &Bound| bound.used.load(Ordering::Relaxed);
        assert_eq!((used(&process), second.used(), third.used()), (70, 0, 0));
        drop(held);
        assert_eq!(used(&process), 0);
        drop(take(&second, 80).unwrap());
    }
}
