//! Pinned outputs in real dataflows: the released dora CLI, unmodified nodes in Rust and Python, and ours.
//!
//! The nodes are this test binary itself, told by the dataflow to run one of its ignored tests; the sink in
//! Python runs with the released `dora-rs` wheel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod dataflow;
#[path = "../../../../provider/tests/harness/driver.rs"]
#[allow(dead_code, reason = "the provider's tests use all of it")]
mod driver;
mod frames;
mod journal;
mod nodes;

mod arrays;
mod deadlines;
mod delivery;
mod device;
mod limits;
mod paths;
mod pressure;
mod restarts;
