//! Registries, servers and leases, over files that the tests write and processes that they start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod capacity;
mod files;
#[cfg(feature = "control")]
mod offering;
mod processes;
mod registry;
mod server;
