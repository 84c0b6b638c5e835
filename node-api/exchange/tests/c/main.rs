//! The header, the libraries and the C++ wrapper as programs use them, under the address and undefined-behaviour sanitizers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod offsets;
mod programs;
mod symbols;
