//! The header, the libraries and the C++ wrapper as programs use them, under the sanitizers of addresses and of undefined
//! behaviour.
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
