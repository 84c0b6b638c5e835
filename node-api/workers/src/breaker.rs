//! A circuit breaker: whether a pool of workers that fails is asked at all.
//!
//! Holds: the state of one pool's breaker. No effect, no lock, no clock: whoever holds it says what time it is, and tells the
//! end of each request that it let through, once.
//!
//! | state | asks for admission | succeeds | fails | abandoned |
//! |---|---|---|---|---|
//! | closed | ordinary | counts from nothing again | opens with the last of `failures` in a row | nothing |
//! | open, before its time | refused | | | |
//! | open, after it (half open) | a trial | | | |
//! | half open | a trial, where none is out | closes with the last of `successes` | opens, for twice as long | another trial may go |
//!
//! Invariants: one trial at a time; a request that was admitted before the breaker opened changes nothing afterwards, not
//! even when it has closed again.
//!
//! Knowingly weak: failures are counted in a row, not as a share; a pool that fails every second request stays closed.

use std::time::{Duration, Instant};

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerTerms {
    /// It opens after so many failures in a row, at least 1.
    pub failures: u32,
    /// How long it refuses when it opens; twice as long with each trial that fails.
    pub open_for: Duration,
    /// The longest that it refuses.
    pub longest: Duration,
    /// It closes after so many trials in a row that succeed, at least 1.
    pub successes: u32,
}

impl Default for BreakerTerms {
    /// Five failures open it for a second, at most for thirty; two successes close it.
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            successes: 2,
        }
    }
}

/// Whether requests get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// All do.
    Closed,
    /// None does.
    Open,
    /// One at a time does, to see whether it succeeds.
    HalfOpen,
}

impl BreakerState {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
        }
    }
}

/// As what a request was let through. Its end is told with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The breaker was closed.
    Ordinary {
        /// How often it had opened before.
        opened: u64,
    },
    /// The one request that tries whether the pool works again.
    Trial,
}

impl Admission {
    /// Of a request that was never let through: its end changes nothing.
    pub const NONE: Self = Self::Ordinary { opened: u64::MAX };
}

/// The breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workers fail, so the request was not tried; ask again in {retry_after:?}")]
pub struct Refusal {
    /// When it is worth asking again. While a trial is out nobody knows how long it takes; then it is the time that the
    /// breaker opens for.
    pub retry_after: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    Closed { failures: u32 },
    Open { since: Instant, wait: Duration },
    HalfOpen { successes: u32, trial_is_out: bool },
}

/// The breaker of one pool.
#[derive(Clone, Debug)]
pub struct Breaker {
    terms: BreakerTerms,
    position: Position,
    /// Since it was last closed.
    failed_trials: u32,
    opened: u64,
}

impl Breaker {
    /// A closed one.
    pub fn new(terms: BreakerTerms) -> Self {
        Self {
            terms,
            position: Position::Closed { failures: 0 },
            failed_trials: 0,
            opened: 0,
        }
    }

    /// Whether a request may be tried. Its end has to be told: by [`succeeded`](Self::succeeded), [`failed`](Self::failed)
    /// or [`abandoned`](Self::abandoned).
    ///
    /// # Errors
    /// The breaker is open, or half open with a trial that has not ended.
    pub fn admit(&mut self, now: Instant) -> Result<Admission, Refusal> {
        match self.position {
            Position::Closed { .. } => {
                return Ok(Admission::Ordinary {
                    opened: self.opened,
                });
            }
            Position::Open { since, wait } => {
                let retry_after = remaining(since, wait, now);
                if !retry_after.is_zero() {
                    return Err(Refusal { retry_after });
                }
                self.position = Position::HalfOpen {
                    successes: 0,
                    trial_is_out: true,
                };
            }
            Position::HalfOpen {
                trial_is_out: true, ..
            } => {
                let retry_after = self.terms.open_for;
                return Err(Refusal { retry_after });
            }
            Position::HalfOpen { successes, .. } => {
                self.position = Position::HalfOpen {
                    successes,
                    trial_is_out: true,
                };
            }
        }
        Ok(Admission::Trial)
    }

    /// The request was answered.
    pub fn succeeded(&mut self, admission: Admission, _now: Instant) {
        match (self.position, admission) {
            (Position::Closed { .. }, Admission::Ordinary { opened }) if opened == self.opened => {
                self.position = Position::Closed { failures: 0 };
            }
            (Position::HalfOpen { successes, .. }, Admission::Trial) => {
                let successes = successes + 1;
                if successes < self.terms.successes {
                    self.position = Position::HalfOpen {
                        successes,
                        trial_is_out: false,
                    };
                } else {
                    self.failed_trials = 0;
                    self.position = Position::Closed { failures: 0 };
                }
            }
            _ => {}
        }
    }

    /// The request failed by the workers' fault. One that was refused because of itself has succeeded.
    pub fn failed(&mut self, admission: Admission, now: Instant) {
        match (self.position, admission) {
            (Position::Closed { failures }, Admission::Ordinary { opened })
                if opened == self.opened =>
            {
                let failures = failures + 1;
                if failures < self.terms.failures {
                    self.position = Position::Closed { failures };
                } else {
                    self.open(now);
                }
            }
            (Position::HalfOpen { .. }, Admission::Trial) => {
                self.failed_trials = self.failed_trials.saturating_add(1);
                self.open(now);
            }
            _ => {}
        }
    }

    /// The request ended without telling anything of the workers: it was cancelled, or expired in the queue.
    pub fn abandoned(&mut self, admission: Admission) {
        if let (Position::HalfOpen { successes, .. }, Admission::Trial) = (self.position, admission)
        {
            self.position = Position::HalfOpen {
                successes,
                trial_is_out: false,
            };
        }
    }

    /// Whether requests get through at this time.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::Open { since, wait } if !remaining(since, wait, now).is_zero() => {
                BreakerState::Open
            }
            Position::Open { .. } | Position::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How often it has opened, by failures and by trials that failed.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    fn open(&mut self, now: Instant) {
        let doubled = 2_u32.saturating_pow(self.failed_trials);
        let wait = self.terms.open_for.saturating_mul(doubled);
        self.opened += 1;
        self.position = Position::Open {
            since: now,
            wait: wait.min(self.terms.longest),
        };
    }
}

fn remaining(since: Instant, wait: Duration, now: Instant) -> Duration {
    wait.saturating_sub(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests;
