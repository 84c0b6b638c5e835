//! What bindings and the crates above this one need, and programs do not. Not covered by semver.
//!
//! Waits that a caller's language can end, sizes as users write them, what a forked child inherits, payloads that their
//! sender goes on reading, and other processes as `/proc` shows them.

pub use crate::{
    availability::zenoh_is_inherited,
    environment::bytes_from_environment,
    interruption::{interruptible, is_interrupted},
    os::{
        per_process::MadeHere,
        proc::{Look, Unseen, environment_of, processes},
    },
    pool::KeptPayload,
};
