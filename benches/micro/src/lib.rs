//! What the measurement (`benches/`) and its tables (`src/tables/`) share, and what of another crate is measured
//! without being public.
//!
//! The Arrow stream's writer is not public in `zenoh-pinned-node`, and stays so: its files, which use nothing
//! else of their crate, are compiled into this one a second time by their path.

// The included files' own tests are run by their crate, with what they need.
#![cfg(not(test))]

pub mod arrow_head;
#[allow(dead_code, reason = "the files' own crate uses the rest")]
#[path = "../../../node-api/node/src/arrow_stream/mod.rs"]
mod arrow_stream;
pub mod results;
