//! Pinned outputs beside a dora node of the `dora-rs` wheel.
//!
//! Holds: the outputs (`outputs`), the data and metadata of a message as Python gives them (`offer`, `parameters`), the
//! times of messages (`clock`), and what has been done so far (`report`).
//!
//! Locks: those of `outputs`.
//!
//! Invariant: what arrives is what dora's own `send_output` would have delivered.

mod clock;
mod offer;
mod outputs;
mod parameters;
mod report;

pub(crate) use outputs::Outputs;
pub(crate) use report::{OutputReport, Report};
