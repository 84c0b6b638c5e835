//! Sessions, publishers, subscribers and pools on zenoh.

mod pool;
mod publisher;
mod session;
mod subscriber;

pub(crate) use pool::{Pool, PoolStatistics};
pub(crate) use publisher::Publisher;
pub(crate) use session::Session;
pub(crate) use subscriber::Subscriber;

use std::time::Duration;

use pyo3::{exceptions::PyValueError, prelude::*};

/// Some years.
const LONGEST_SECONDS: f64 = 1e8;

/// A number of seconds as a time.
///
/// # Errors
/// `ValueError`: negative, or no number.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    // A longer time than anybody waits would overflow the clock.
    let bounded = seconds.min(LONGEST_SECONDS);
    if seconds.is_infinite() || seconds.is_nan() {
        return Err(no_time(seconds));
    }
    Duration::try_from_secs_f64(bounded).map_err(|_| no_time(seconds))
}

fn no_time(seconds: f64) -> PyErr {
    PyValueError::new_err(format!(
        "{seconds} is no time to wait: use seconds, zero or more"
    ))
}
