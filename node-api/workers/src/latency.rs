//! How long things took: all of them, or those of the last minute.
//!
//! Holds: two histograms with fixed bounds. No effect, no lock, no clock; whoever holds one says what time it is.
//!
//! Knowingly weak: a quantile is the bound above it, which is up to 2.5 times too long.

use std::time::{Duration, Instant};

/// The upper bounds of the buckets, in seconds. One more bucket lies above them.
pub const BOUNDS: [f64; 17] = [
    50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// How many took up to how long, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    buckets: [u64; BUCKETS],
    sum: Duration,
    longest: Duration,
}

impl Latencies {
    /// Counts one that took so long.
    pub fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum = self.sum.saturating_add(took);
        self.longest = self.longest.max(took);
    }

    /// For each bound how many took longer than the bound before and not longer than it, then how many took longer than all.
    pub fn buckets(&self) -> [u64; BUCKETS] {
        self.buckets
    }

    /// Of all together, in seconds.
    pub fn sum(&self) -> f64 {
        self.sum.as_secs_f64()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound that this share of them, from 0 to 1, did not exceed; above all bounds it is the longest there was. `None`
    /// where there was none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count);
        let mut so_far = 0;
        for (bound, bucket) in BOUNDS.iter().zip(self.buckets) {
            so_far += bucket;
            if so_far >= rank {
                return Some(Duration::from_secs_f64(*bound));
            }
        }
        Some(self.longest)
    }

    fn add(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.longest = self.longest.max(other.longest);
    }
}

const SLICES: u64 = 6;
const SLICE: Duration = Duration::from_secs(10);

/// How long those of the last minute took, to within ten seconds: they are kept in six slices of ten seconds each, the
/// newest of which is still filling.
#[derive(Clone, Copy, Debug)]
pub struct Recent {
    began: Instant,
    /// Each with its number since the beginning; the one numbered n lies in place n modulo the number of places.
    slices: [(u64, Latencies); SLICES as usize],
}

impl Recent {
    /// Empty; no time told later lies before this one.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            slices: Default::default(),
        }
    }

    /// Counts one that took so long, and ended now.
    pub fn record(&mut self, took: Duration, now: Instant) {
        let number = self.number(now);
        let slice = &mut self.slices[(number % SLICES) as usize];
        if slice.0 < number {
            *slice = (number, Latencies::default());
        }
        slice.1.record(took);
    }

    /// As [`Latencies::quantile`], of recent ones.
    pub fn quantile(&self, share: f64, now: Instant) -> Option<Duration> {
        self.latencies(now).quantile(share)
    }

    /// The recent ones.
    pub fn latencies(&self, now: Instant) -> Latencies {
        let newest = self.number(now);
        let mut recent = Latencies::default();
        for (number, latencies) in &self.slices {
            if number + SLICES > newest {
                recent.add(latencies);
            }
        }
        recent
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SLICE.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn of(milliseconds: impl IntoIterator<Item = u32>) -> Latencies {
        let mut latencies = Latencies::default();
        for count in milliseconds {
            latencies.record(MILLISECOND * count);
        }
        latencies
    }

    #[test]
    fn the_bounds_rise_from_50_microseconds_to_10_seconds() {
        assert!(BOUNDS.is_sorted_by(|low, high| low < high));
        assert_eq!((BOUNDS[0], BOUNDS[16]), (50e-6, 10.0));
    }

    #[test]
    fn a_bound_belongs_to_its_own_bucket_and_what_is_longer_to_the_next() {
        for (place, bound) in BOUNDS.into_iter().enumerate() {
            let bound = Duration::from_secs_f64(bound);
            let mut latencies = Latencies::default();
            latencies.record(bound);
            latencies.record(bound + Duration::from_nanos(1));
            let buckets = latencies.buckets();
            assert_eq!((buckets[place], buckets[place + 1]), (1, 1), "{bound:?}");
        }
        assert_eq!(of([0]).buckets()[0], 1);
    }

    #[test]
    fn count_and_sum_are_of_all() {
        let latencies = of([1, 2, 20_000]);
        assert_eq!(latencies.count(), 3);
        assert!((latencies.sum() - 20.003).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_is_the_bound_that_so_many_do_not_exceed() {
        let latencies = of((0..98).map(|_| 1).chain([3, 700]));
        let quantiles = [0.0, 0.5, 0.98, 0.981, 0.99, 0.991, 1.0, 7.0, f64::NAN];
        let quantiles =
            quantiles.map(|share| latencies.quantile(share).unwrap().as_micros() as f64 / 1000.0);
        assert_eq!(
            quantiles,
            [1.0, 1.0, 1.0, 5.0, 5.0, 1000.0, 1000.0, 1000.0, 1.0]
        );
        assert_eq!(of([]).quantile(0.5), None);
    }

    #[test]
    fn above_all_bounds_a_quantile_is_the_longest() {
        let latencies = of([1, 12_000, 11_000]);
        assert_eq!(latencies.quantile(0.99), Some(MILLISECOND * 12_000));
    }

    #[test]
    fn what_is_a_minute_old_is_not_recent() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut recent = Recent::new(start);
        recent.record(MILLISECOND, at(0));
        recent.record(MILLISECOND * 100, at(25));
        let longest = |recent: &Recent, seconds| {
            let longest = recent.quantile(1.0, at(seconds));
            longest.map(|longest| longest.as_millis())
        };
        let count = |recent: &Recent, seconds| recent.latencies(at(seconds)).count();
        assert_eq!((count(&recent, 59), longest(&recent, 59)), (2, Some(100)));
        assert_eq!((count(&recent, 60), longest(&recent, 60)), (1, Some(100)));
        assert_eq!((count(&recent, 79), longest(&recent, 79)), (1, Some(100)));
        assert_eq!((count(&recent, 80), longest(&recent, 80)), (0, None));
        // Its place is taken by what comes a minute later, whatever lies between.
        recent.record(MILLISECOND * 10, at(145));
        assert_eq!((count(&recent, 145), longest(&recent, 145)), (1, Some(10)));
    }

    #[test]
    fn a_time_from_before_the_last_one_is_counted_where_it_can_be() {
        let start = Instant::now();
        let mut recent = Recent::new(start + Duration::from_secs(30));
        recent.record(MILLISECOND, start);
        assert_eq!(recent.latencies(start).count(), 1);
    }
}
