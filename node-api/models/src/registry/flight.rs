//! One load, and all who wait for it.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::LoadError, loading::Progress};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Flight {
    pub(super) progress: Progress,
    outcome: Mutex<Option<Result<(), LoadError>>>,
    landed: Condvar,
}

/// Why somebody who waits has not what he waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotLanded {
    Failed(LoadError),
    /// The wait was ended from outside.
    Ended,
    Late,
}

impl Flight {
    /// The load has ended; told once.
    pub(super) fn land(&self, outcome: Result<(), LoadError>) {
        let mut landed = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        landed.get_or_insert(outcome);
        self.landed.notify_all();
    }

    /// Waits for its end, and asks every so often whether to go on.
    pub(super) fn wait(
        &self,
        until: Instant,
        ask_every: Duration,
        mut is_to_end: impl FnMut() -> bool,
    ) -> Result<(), NotLanded> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone().map_err(NotLanded::Failed);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NotLanded::Late);
            }
            let waited = self.landed.wait_timeout(outcome, left.min(ask_every));
            outcome = waited.unwrap_or_else(PoisonError::into_inner).0;
            if outcome.is_none() {
                // Any code of the application may run in the question.
                drop(outcome);
                if is_to_end() {
                    return Err(NotLanded::Ended);
                }
                outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_waits_is_told_the_same() {
        let flight = Flight::default();
        let until = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| flight.wait(until, Duration::from_secs(1), || false)))
                .collect();
            flight.land(Err(LoadError::Ending));
            flight.land(Ok(())); // too late
            for waiter in waiting {
                assert_eq!(
                    waiter.join().unwrap(),
                    Err(NotLanded::Failed(LoadError::Ending))
                );
            }
        });
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_when_it_is_told_to() {
        let flight = Flight::default();
        let short = Duration::from_millis(1);
        assert_eq!(
            flight.wait(Instant::now() + short, short, || false),
            Err(NotLanded::Late)
        );
        let far = Instant::now() + Duration::from_secs(3600);
        assert_eq!(flight.wait(far, short, || true), Err(NotLanded::Ended));
    }
}
