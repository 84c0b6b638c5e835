//! The operating system, for this crate: what a process is given before its program begins, and the folder of a socket.
//!
//! Bottom floor. Everything unsafe of the crate is here.

pub(crate) mod folder;
pub(crate) mod placement;
pub(crate) mod spawning;
