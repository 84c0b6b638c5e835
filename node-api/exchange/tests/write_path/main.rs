//! What reading and writing cost at most: no locked instruction, no system call, shown on the built library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod disassembly;
#[path = "../harness/mod.rs"]
mod harness;
mod instructions;
mod system_calls;
