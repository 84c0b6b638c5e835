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

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// A file of this crate's sources, also where the tests were carried to another machine with them.
pub fn source(path: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    folder.join(path)
}

/// Waits until `condition` holds; a test that gets stuck fails with `what`. A watchdog against
/// deadlocks, not a bound on speed.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let watchdog = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < watchdog, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
