//! The clock that all processes of a host share.

use std::time::Duration;

/// Nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// From one time to a later one; nothing where the second is earlier.
pub(crate) fn between(begin: u64, end: u64) -> Duration {
    Duration::from_nanos(end.saturating_sub(begin))
}
