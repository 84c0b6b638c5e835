//! Times, and what is said of them.

use serde_json::{Value, json};

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

/// The times that another process printed.
pub fn printed(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().copied().map(u32::from_ne_bytes)
}
