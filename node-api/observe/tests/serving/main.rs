//! The server as a browser, Prometheus and strangers meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod cards;
mod client;
mod closing;
mod limits;
mod sockets;
mod sources;
mod strangers;
