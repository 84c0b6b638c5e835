//! Pools of real worker processes: this very program, started again as one of its ignored tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod answer_slots;
mod clients;
mod dying;
mod engines;
mod pools;
mod scaling;
mod serving;
mod traces;
