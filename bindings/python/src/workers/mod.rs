//! Pools of workers, for the package `zenoh_pinned.workers`.
//!
//! Holds: what asks, a supervisor (`supervisor`, made as `terms` say) and a client (`client`), which share how it is done
//! (`asking`); an answer that is to come (`pending`), and what wakes event loops when it has (`bell`); a worker (`worker`), and what it is given (`batch`);
//! what requests and answers carry (`payload`), what the application is told of (`events`), and errors (`errors`).
//!
//! Locks: each for a few assignments. None is held while something waits, and no thread of the crate below ever waits for
//! the interpreter, but for the deep check: callbacks and event loops are told by queues that threads of Python's own empty.
//!
//! Invariants:
//! - A payload keeps its memory, and so does every view of it, whatever has become of the request.
//! - Whatever waits or copies is detached from the interpreter.

mod asking;
mod batch;
mod bell;
mod client;
mod errors;
mod events;
mod payload;
mod pending;
mod supervisor;
mod terms;
mod worker;

pub(crate) use batch::Batch;
pub(crate) use bell::Bell;
pub(crate) use client::WorkersClient;
pub(crate) use events::Events;
pub(crate) use payload::Payload;
pub(crate) use pending::PendingAnswer;
pub(crate) use supervisor::Workers;
pub(crate) use worker::Worker;
