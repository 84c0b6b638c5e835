//! Writers that are killed or stopped, also within a message.
//!
//! `ZENOH_PINNED_EXCHANGE_KILLS` says how many are killed at random points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod mid_message;
mod random_points;
mod stopped;
