//! Times of one figure, in microseconds.

use std::time::Duration;

use serde_json::{Value, json};

/// Times in any order.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds a time.
    pub fn push(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1e6);
    }

    /// Adds all times of another one.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The time that this share of the times does not exceed, in microseconds; NaN where there are none.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let last = self.0.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        self.0.get(at).copied().unwrap_or(f64::NAN)
    }

    /// For a record.
    pub fn summary(mut self) -> Value {
        json!({
            "p50_us": self.quantile(0.5),
            "p99_us": self.quantile(0.99),
            "max_us": self.quantile(1.0),
            "count": self.0.len(),
        })
    }
}

impl FromIterator<f64> for Sample {
    /// Of microseconds.
    fn from_iter<Times: IntoIterator<Item = f64>>(times: Times) -> Self {
        Self(times.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_times_and_of_none_it_is_none() {
        let mut sample: Sample = (0..=100).rev().map(f64::from).collect();
        assert_eq!(sample.quantile(0.5), 50.0);
        assert_eq!(sample.quantile(0.99), 99.0);
        assert_eq!(sample.quantile(1.0), 100.0);
        sample.push(Duration::from_millis(1));
        assert_eq!(sample.quantile(1.0), 1000.0);
        assert!(Sample::default().quantile(0.5).is_nan());
    }
}
