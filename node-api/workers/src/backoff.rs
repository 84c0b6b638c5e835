//! How long to wait before a worker that ended is started again.
//!
//! Holds: the last wait of one place. No effect, no clock, no chance.
//!
//! A worker that had lived long is restarted at once: it is not its start that fails. Long is more than ten times the wait
//! before, so waiting costs a place at most a tenth of its time. One that dies soon waits twice as long as the time before.
//!
//! Knowingly weak: places whose workers die together restart together; the terms of the pool bound how many there are.

use std::time::Duration;

/// A life is long that is longer than so many waits.
const WAITS_OF_A_LONG_LIFE: u32 = 10;

/// The wait before each restart of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The wait before the last restart; zero where there was none, or none was needed.
    last: Duration,
}

impl Backoff {
    /// Waits for `first` when a worker dies soon after its start, then for twice as long each time, up to `longest`. A `first`
    /// of zero never waits.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first: first.min(longest),
            longest,
            last: Duration::ZERO,
        }
    }

    /// The wait before the restart of a worker that was ready for so long; zero where it never was. The wait is zero after a
    /// life of more than ten times the wait before, or than ten times the first one where there was none.
    pub fn next(&mut self, lived: Duration) -> Duration {
        let waited = self.last.max(self.first);
        self.last = if lived > waited.saturating_mul(WAITS_OF_A_LONG_LIFE) {
            Duration::ZERO
        } else if self.last.is_zero() {
            self.first
        } else {
            self.last.saturating_mul(2).min(self.longest)
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits in milliseconds after lives of so many, from 100 ms up to 3 s.
    fn waits(lives: &[u64]) -> Vec<u128> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
        let wait = |lived: &u64| backoff.next(Duration::from_millis(*lived)).as_millis();
        lives.iter().map(wait).collect()
    }

    #[test]
    fn the_first_restart_after_a_long_life_is_at_once() {
        assert_eq!(waits(&[1001, 1001, 60_000]), [0, 0, 0]);
        assert_eq!(waits(&[1000]), [100]);
    }

    #[test]
    fn a_worker_that_dies_soon_waits_twice_as_long_each_time_up_to_the_longest() {
        assert_eq!(waits(&[0; 8]), [100, 200, 400, 800, 1600, 3000, 3000, 3000]);
    }

    #[test]
    fn a_long_life_is_measured_by_the_wait_before_and_begins_anew() {
        // Five seconds are long after a wait of 400 ms, and short after one of 800 ms.
        assert_eq!(waits(&[0, 0, 0, 5000, 0, 0]), [100, 200, 400, 0, 100, 200]);
        assert_eq!(waits(&[0, 0, 0, 0, 5000]), [100, 200, 400, 800, 1600]);
    }

    #[test]
    fn waits_of_nothing_and_of_everything_are_borne() {
        let mut never = Backoff::new(Duration::ZERO, Duration::MAX);
        let mut bounded = Backoff::new(Duration::MAX, Duration::from_secs(1));
        let mut ever = Backoff::new(Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            assert_eq!(never.next(Duration::ZERO), Duration::ZERO);
            assert_eq!(bounded.next(Duration::ZERO), Duration::from_secs(1));
            assert_eq!(ever.next(Duration::MAX), Duration::MAX);
        }
    }
}
