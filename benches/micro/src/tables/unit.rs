//! What figures are given in.

use crate::measured::{Estimate, Measured};

/// What a table's figures are given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Microseconds.
    Time,
    /// Microseconds, and 10^9 bytes a second.
    TimeAndRate,
    /// Milliseconds for 2^30 bytes.
    TimePerGibibyte,
}

impl Unit {
    pub(crate) fn of(group: &str) -> Self {
        if group.starts_with("registration") {
            Self::TimePerGibibyte
        } else if group.starts_with("copy") {
            Self::TimeAndRate
        } else {
            Self::Time
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time => "us",
            Self::TimeAndRate => "us; GB/s",
            Self::TimePerGibibyte => "ms per GiB",
        }
    }

    /// The figure with its interval.
    pub(crate) fn show(self, measured: &Measured) -> String {
        let nanoseconds = measured.median;
        match (self, measured.bytes) {
            (Self::TimePerGibibyte, Some(bytes)) => {
                interval(nanoseconds, f64::from(1 << 30) / bytes / 1e6)
            }
            (Self::TimeAndRate, Some(bytes)) => {
                let rate = bytes / nanoseconds.value;
                format!("{}; {}", interval(nanoseconds, 1e-3), digits(rate))
            }
            _ => interval(nanoseconds, 1e-3),
        }
    }
}

fn interval(estimate: Estimate, scale: f64) -> String {
    let [value, lower, upper] =
        [estimate.value, estimate.lower, estimate.upper].map(|figure| digits(figure * scale));
    format!("{value} [{lower}, {upper}]")
}

/// Three significant digits, and all digits before the point.
fn digits(figure: f64) -> String {
    let decimals = match figure {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{figure:.decimals$}")
}
