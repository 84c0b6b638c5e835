//! What must hold of every parser of foreign bytes, whatever the bytes.
//!
//! Holds: one [`Target`] for each parser: a property, that is, a function of bytes that fails an assertion where
//! the parser does what it must not, and the seeds that its corpus begins with. `fuzz/` runs the properties
//! under libFuzzer; `tests/corpus.rs` runs them over the corpus and over seeded mutations of it, on a stable
//! compiler; `make miri` and `make sanitize` run that test once more.
//!
//! The parsers are not public, and stay so: the files that they are in are compiled into this crate a second
//! time, by their paths. Such a file uses nothing of its crate but `crate::os` and its own neighbours, so this
//! crate needs neither zenoh nor CUDA. Where a parser leaned on more, its pure part has a file of its own.

// The included files' own tests are run by their crates, with what they need.
#![cfg(not(test))]

#[allow(dead_code, reason = "the parsers' crate uses the rest")]
#[path = "../../../../node-api/node/src/arrow_stream/mod.rs"]
mod arrow_stream;
mod dora;
#[allow(dead_code, reason = "the parsers' crate uses the rest")]
#[path = "../../../src/os/mod.rs"]
mod os;
mod page;
mod properties;
mod reader;
mod segment;
#[allow(dead_code, reason = "the parsers' crate uses the rest")]
#[path = "../../../../bindings/python/src/shape.rs"]
mod shape;

use properties::{
    acknowledgement, arrow_round_trip, arrow_values, daemon_message, header, layout,
    node_environment, proc_locks, proc_maps, proc_stat, python_shape,
};

/// A parser of foreign bytes, and how it is tried.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its fuzz target and of its corpus.
    pub name: &'static str,
    /// Panics where the parser does what it must not.
    pub check: fn(&[u8]),
    /// Inputs that mean something, with their names.
    pub seeds: fn() -> Vec<Seed>,
}

/// A named input.
pub type Seed = (String, Vec<u8>);

/// All of them.
pub const TARGETS: [Target; 11] = [
    header::TARGET,
    layout::TARGET,
    proc_locks::TARGET,
    proc_maps::TARGET,
    proc_stat::TARGET,
    arrow_values::TARGET,
    arrow_round_trip::TARGET,
    acknowledgement::TARGET,
    daemon_message::TARGET,
    node_environment::TARGET,
    python_shape::TARGET,
];

/// Checks one input of the target `name`: the body of a fuzz target.
///
/// # Panics
/// There is no such target, or the parser does what it must not.
pub fn check(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    assert!(target.is_some(), "there is no target {name}");
    if let Some(target) = target {
        (target.check)(input);
    }
}
