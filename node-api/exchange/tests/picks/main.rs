//! Picks by the alias table: each server as often as its weight says, the same ones in Rust and in C.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod in_c;
mod shares;
