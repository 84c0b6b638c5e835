//! Sessions, publishers and subscribers on zenoh.
//!
//! Holds: a session (`session`), what publishes (`publisher`) and what receives (`subscriber`), and what stands between
//! these two (`lines`).
//!
//! Each is open until it is closed, in the process that made it.

mod lines;
mod publisher;
mod session;
mod subscriber;

pub(crate) use lines::{LineFromPublisher, LineToSubscriber};
pub(crate) use publisher::Publisher;
pub(crate) use session::Session;
pub(crate) use subscriber::{Subscriber, recv_any};
