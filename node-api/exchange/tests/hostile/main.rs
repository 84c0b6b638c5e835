//! Somebody who may write the region and does not keep to the protocol: errors that say so, no panic, no endless loop,
//! and no action that a data plane cannot use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod actions;
#[path = "../harness/mod.rs"]
mod harness;
mod mutations;
mod words;
