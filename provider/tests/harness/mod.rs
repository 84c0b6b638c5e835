//! What the tests of this crate share: real peers in processes of their own, and the driver double.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod attack;
pub mod device;
pub mod driver;
pub mod frames;
pub mod host;
pub mod log;
pub mod peer;
pub mod shm;
pub mod signal;
pub mod worker;

use std::time::{Duration, Instant};

/// Waits until `condition` holds; a test that gets stuck fails with `what`. A watchdog against
/// deadlocks, not a bound on speed.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let watchdog = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < watchdog, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
