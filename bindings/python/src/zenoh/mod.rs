//! Sessions, publishers and subscribers on zenoh.
//!
//! Each is open until it is closed, in the process that made it (`open`).

mod open;
mod publisher;
mod session;
mod subscriber;

pub(crate) use publisher::Publisher;
pub(crate) use session::Session;
pub(crate) use subscriber::Subscriber;
