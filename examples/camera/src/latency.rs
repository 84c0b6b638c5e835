//! Percentiles over all the latencies that were measured.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Half of all samples, and 99 of 100, do not exceed these; in microseconds, None without any sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p99: Option<f64>,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.p50, self.p99) {
            (Some(p50), Some(p99)) => write!(formatter, "p50 {p50:.0} us, p99 {p99:.0} us"),
            _ => formatter.write_str("not measured"),
        }
    }
}

/// Every latency so far.
#[derive(Debug, Default)]
pub struct Latencies(Vec<f64>);

impl Latencies {
    /// Both times are in nanoseconds, of the same kind of clock. Between machines whose clocks differ the latency
    /// can come out negative, and is kept so: hiding it would hide that the clocks differ.
    pub fn record(&mut self, from_ns: impl Into<i128>, to_ns: impl Into<i128>) {
        let nanoseconds = to_ns.into() - from_ns.into();
        self.0.push(nanoseconds as f64 / 1000.0);
    }

    /// In microseconds.
    pub fn percentiles(mut self) -> Percentiles {
        self.0.sort_unstable_by(f64::total_cmp);
        Percentiles {
            p50: nearest_rank(&self.0, 50),
            p99: nearest_rank(&self.0, 99),
        }
    }
}

/// The smallest sample that at least this many percent of all samples do not exceed.
fn nearest_rank(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles_of(microseconds: impl IntoIterator<Item = u64>) -> Percentiles {
        let mut latencies = Latencies::default();
        for sample in microseconds {
            latencies.record(1_000_000, 1_000_000 + sample * 1000);
        }
        latencies.percentiles()
    }

    #[test]
    fn no_sample_has_no_percentile() {
        assert_eq!(
            percentiles_of([]),
            Percentiles {
                p50: None,
                p99: None
            }
        );
    }

    #[test]
    fn one_sample_is_every_percentile() {
        assert_eq!(
            percentiles_of([9]),
            Percentiles {
                p50: Some(9.0),
                p99: Some(9.0)
            }
        );
    }

    #[test]
    fn the_order_of_the_samples_does_not_matter() {
        let expected = Percentiles {
            p50: Some(50.0),
            p99: Some(99.0),
        };
        assert_eq!(percentiles_of(1..=100), expected);
        assert_eq!(percentiles_of((1..=100).rev()), expected);
    }

    #[test]
    fn a_tail_of_two_in_a_hundred_shows_in_p99() {
        let samples = std::iter::repeat_n(10, 98).chain([500, 500]);
        assert_eq!(
            percentiles_of(samples),
            Percentiles {
                p50: Some(10.0),
                p99: Some(500.0)
            }
        );
    }

    #[test]
    fn a_clock_that_runs_behind_gives_a_negative_latency() {
        let mut latencies = Latencies::default();
        latencies.record(3_000, 1_000);
        assert_eq!(latencies.percentiles().p50, Some(-2.0));
    }
}
