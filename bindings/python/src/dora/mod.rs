//! Pinned outputs beside a dora node of the `dora-rs` wheel.

mod clock;
mod offer;
mod outputs;
mod parameters;
mod report;

pub(crate) use outputs::Outputs;
pub(crate) use report::{OutputReport, Report};
