//! What the tests of this crate share: names that go with the test, other processes, records that show a tear.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod compiler;
pub mod forked;
pub mod mounts;
pub mod name;
pub mod numbered;
pub mod random;
pub mod signal;
pub mod words;
pub mod worker;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Waits until `condition` holds; a test that gets stuck fails with `what`. A watchdog, not a bound on speed.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let watchdog = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < watchdog, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A number from the environment, for runs that are longer than `make test`.
pub fn number(variable: &str) -> Option<u64> {
    let number = std::env::var(variable).ok()?;
    Some(number.parse().unwrap())
}

/// Tells other threads to end, also where this one fails.
pub struct EndAtLast<'a>(pub &'a AtomicBool);

impl Drop for EndAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
