//! What the examples with a camera have in common: where frames come from, at which rate, and how the
//! figures of a run are told.

#![deny(missing_docs)]

pub mod capture;
pub mod clock;
pub mod input;
pub mod latency;
pub mod rows;
pub mod stop;
