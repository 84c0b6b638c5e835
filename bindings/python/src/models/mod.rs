//! Models, for the package `zenoh_pinned.models`.
//!
//! Holds: a lease (`weights`), the way to a server (`client`), a registry of this process and what serves it (`registry`),
//! and errors (`errors`).
//!
//! Locks: none. Whatever waits, reads or copies is detached from the interpreter.
//!
//! Invariant: a frame of a tensor keeps its memory and the lease, whatever has become of the object that it came from.

mod client;
mod errors;
mod registry;
mod weights;

pub(crate) use client::Models;
pub(crate) use registry::{ModelServer, Registry};
pub(crate) use weights::Weights;
