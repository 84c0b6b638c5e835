//! The headers, the library and the C++ wrapper as programs use them, under the sanitizers of addresses and of undefined
//! behaviour, alone in a process, with the driver double, and with unmodified zenoh on the other side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod compiler;
mod headers;
mod install;
mod pairs;
mod process;
mod programs;
mod symbols;
