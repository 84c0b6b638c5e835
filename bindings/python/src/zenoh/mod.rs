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

/// A number of seconds as a time.
///
/// # Errors
/// `ValueError`: negative, or no number.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!(
            "{seconds} is no time to wait: use seconds, zero or more"
        ))
    })
}
