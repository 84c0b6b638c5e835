//! How many requests come per second, and how many will.
//!
//! Holds: the level and the trend of what came in each tenth of a second, by Holt's linear smoothing. No effect, no lock, no
//! clock: whoever holds it counts what comes, and says now and then what time it is.
//!
//! The two weights are those of a double exponential smoothing that forgets a tenth with each bin: it follows a step within
//! some two seconds, with one small overshoot and no swinging.
//!
//! Knowingly weak: no daily pattern is learnt. What comes in bursts that are more than a second apart is seen as a mean
//! that goes up and down.

use std::time::{Duration, Instant};

const BIN: Duration = Duration::from_millis(100);
/// What remains of the past with each bin.
const KEPT: f64 = 0.9;
const LEVEL_WEIGHT: f64 = 1.0 - KEPT * KEPT;
const TREND_WEIGHT: f64 = (1.0 - KEPT) / (1.0 + KEPT);
/// After so many equal bins nothing of the time before is left.
const MOST_BINS: u128 = 500;
/// No trend is believed for longer: a step looks like one, and would be drawn out to a multiple of itself.
const FARTHEST: Duration = Duration::from_secs(2);

/// The arrivals of one pool.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// When the bin began that is being filled.
    bin: Instant,
    /// What came in it, as far as is known.
    count: f64,
    /// Requests per bin.
    level: f64,
    /// By how many the level grows with each bin.
    trend: f64,
}

impl Arrivals {
    /// Nothing has come.
    pub fn new(now: Instant) -> Self {
        Self {
            bin: now,
            count: 0.0,
            level: 0.0,
            trend: 0.0,
        }
    }

    /// So many came since the last tick.
    pub fn record(&mut self, count: u64) {
        self.count += count as f64;
    }

    /// It is now so late. To be told a few times a second or more often; what came since the last tick counts evenly for the
    /// time since.
    pub fn tick(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.bin).as_nanos();
        let bins = passed / BIN.as_nanos();
        if bins == 0 {
            return;
        }
        let each = self.count * BIN.as_nanos() as f64 / passed as f64;
        for _ in 0..bins.min(MOST_BINS) {
            self.smooth(each);
        }
        let into_this = passed % BIN.as_nanos();
        self.count *= into_this as f64 / passed as f64;
        // Less than a bin, so it fits.
        self.bin = now - Duration::from_nanos(into_this as u64);
    }

    /// Requests per second, smoothed; never negative.
    pub fn rate(&self) -> f64 {
        self.level / BIN.as_secs_f64()
    }

    /// Requests per second at a time ahead, if it goes on as it does; never negative. No trend is followed for more than
    /// two seconds.
    pub fn predicted(&self, ahead: Duration) -> f64 {
        let bins = ahead.min(FARTHEST).as_secs_f64() / BIN.as_secs_f64();
        let level = self.level + bins * self.trend;
        level.max(0.0) / BIN.as_secs_f64()
    }

    fn smooth(&mut self, count: f64) {
        let expected = self.level + self.trend;
        let error = count - expected;
        self.level = expected + LEVEL_WEIGHT * error;
        self.trend += LEVEL_WEIGHT * TREND_WEIGHT * error;
        // There are no fewer than none, and it does not go down from there.
        if self.level <= 0.0 {
            self.level = 0.0;
            self.trend = self.trend.max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Tells what `per_bin` gives for each tenth of a second, and what was estimated and predicted a second ahead after each.
    fn told(per_bin: impl IntoIterator<Item = u64>) -> Vec<(f64, f64)> {
        let mut now = Instant::now();
        let mut arrivals = Arrivals::new(now);
        let estimates = per_bin.into_iter().map(|count| {
            arrivals.record(count);
            now += BIN;
            arrivals.tick(now);
            (arrivals.rate(), arrivals.predicted(SECOND))
        });
        estimates.collect()
    }

    fn is_near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= expected * 0.01
    }

    #[test]
    fn a_constant_rate_is_found_and_predicted_for_any_time() {
        let (rate, predicted) = told([6; 100])[99];
        assert!(
            is_near(rate, 60.0) && is_near(predicted, 60.0),
            "{rate} {predicted}"
        );
    }

    #[test]
    fn a_growing_rate_is_predicted_before_it_is_there() {
        // Ten per second more with each second.
        let (_, predicted) = told((0..200).map(|bin| bin / 10))[199];
        assert!((predicted - 200.0).abs() < 10.0, "{predicted}");
    }

    #[test]
    fn a_step_is_followed_within_two_seconds_with_one_small_overshoot() {
        let rates = told([10; 200]);
        assert!(rates[19].0 > 90.0, "{}", rates[19].0);
        let highest = rates.iter().map(|rate| rate.0).fold(0.0, f64::max);
        assert!(highest < 120.0, "{highest}");
        assert!(rates[60..].iter().all(|rate| is_near(rate.0, 100.0)));
    }

    #[test]
    fn a_step_is_never_drawn_out_to_twice_itself() {
        let mut now = Instant::now();
        let mut arrivals = Arrivals::new(now);
        for _ in 0..100 {
            arrivals.record(10);
            now += BIN;
            arrivals.tick(now);
            let predicted = arrivals.predicted(SECOND * 60);
            assert!(predicted < 200.0, "{predicted}");
        }
    }

    #[test]
    fn a_sudden_stop_decays_to_nothing_and_stays_there() {
        let rates = told([[10; 100], [0; 100]].concat());
        let decay = &rates[100..];
        assert!(decay.is_sorted_by(|earlier, later| earlier.0 >= later.0));
        assert!(decay.iter().all(|rate| rate.0 >= 0.0 && rate.1 >= 0.0));
        assert!(
            decay[20..]
                .iter()
                .all(|rate| rate.0 < 10.0 && rate.1 < 10.0)
        );
        assert_eq!(decay[99], (0.0, 0.0));
    }

    #[test]
    fn neither_estimate_is_ever_negative() {
        let mut state = 1_u64;
        let noise = (0..10_000).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Often nothing, seldom much.
            (state >> 60).saturating_sub(12) * 50
        });
        for (rate, predicted) in told(noise) {
            assert!(rate >= 0.0 && predicted >= 0.0);
        }
    }

    #[test]
    fn the_times_of_the_ticks_do_not_matter() {
        let start = Instant::now();
        let mut often = Arrivals::new(start);
        let mut seldom = Arrivals::new(start);
        for millisecond in 1..=20_000 {
            often.record(1);
            seldom.record(1);
            let now = start + Duration::from_millis(millisecond);
            often.tick(now);
            if millisecond % 730 == 0 {
                seldom.tick(now);
            }
        }
        for arrivals in [often, seldom] {
            let (rate, predicted) = (arrivals.rate(), arrivals.predicted(SECOND));
            assert!(is_near(rate, 1000.0), "{rate}");
            assert!(is_near(predicted, 1000.0), "{predicted}");
        }
    }

    #[test]
    fn after_a_stop_it_rises_as_soon_as_from_the_beginning() {
        let begun = told([10; 20]);
        let anew = told([[10; 50].as_slice(), &[0; 50], &[10; 20]].concat());
        for (begun, anew) in begun.iter().zip(&anew[100..]) {
            assert!(anew.0 > begun.0 * 0.99, "{anew:?} {begun:?}");
        }
    }

    #[test]
    fn a_long_silence_is_taken_in_at_once_and_time_that_goes_back_is_not() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for second in 1..=10 {
            arrivals.record(100);
            arrivals.tick(start + SECOND * second);
        }
        let rate = arrivals.rate();
        arrivals.tick(start);
        assert_eq!(arrivals.rate(), rate);
        arrivals.tick(start + Duration::from_secs(1_000_000));
        assert_eq!((arrivals.rate(), arrivals.predicted(SECOND)), (0.0, 0.0));
    }
}
