//! The operating system, for this crate: where a server of models is found, and who is at the other end of a socket.
//!
//! Bottom floor. What is unsafe in this crate is here, and where a pool is sealed (`loading`).

pub(crate) mod place;
pub(crate) mod stream;
