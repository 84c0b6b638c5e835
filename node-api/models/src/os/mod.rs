//! The operating system, for this crate: where a server of models is found, and who is at the other end of a socket.
//!
//! Bottom floor.

pub(crate) mod place;
pub(crate) mod stream;
