//! What is measured of ours.

mod batching;
mod frames;
mod kill;
pub mod small;
mod start;
pub mod supervisor;

use std::time::Duration;

use serde_json::Value;
use zenoh::Session;
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::session;

use crate::Outcome;

/// What it is called, and how it is measured.
type Figure = (&'static str, fn() -> Outcome<Value>);

pub const ALL: [Figure; 6] = [
    ("frames", frames::measure),
    ("small", small::measure),
    ("start", start::measure),
    ("kill", kill::measure),
    ("batching", batching::measure),
    ("supervisor", supervisor::measure),
];

const SOON: Duration = Duration::from_secs(30);

/// A session that nobody else finds.
fn alone() -> Outcome<Session> {
    let config = session::configuration::<&str>(&[], &[])?;
    Ok(zenoh_pinned_node::pubsub::open(
        config,
        &Pinner::host_only(),
    )?)
}
