//! Times, and what is said of them.

use serde_json::{Value, json};

/// Nanoseconds of the clock that all processes of a machine share.
pub fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// In microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub p50: f64,
    pub p99: f64,
    pub samples: usize,
}

impl Summary {
    pub fn of(mut nanoseconds: Vec<u32>) -> Self {
        nanoseconds.sort_unstable();
        let at = |part: usize| {
            let index = nanoseconds.len().saturating_sub(1) * part / 100;
            f64::from(nanoseconds.get(index).copied().unwrap_or(0)) / 1000.0
        };
        Self {
            p50: at(50),
            p99: at(99),
            samples: nanoseconds.len(),
        }
    }
}

impl From<Summary> for Value {
    fn from(summary: Summary) -> Self {
        json!({ "p50": summary.p50, "p99": summary.p99, "samples": summary.samples })
    }
}
