//! What must hold of every parser of foreign bytes, whatever the bytes.
//!
//! Holds: one [`Target`] for each parser: a property, that is, a function of bytes that fails an assertion where
//! the parser does what it must not, and the seeds that its corpus begins with. `fuzz/` runs the properties
//! under libFuzzer; `tests/corpus.rs` runs them over the corpus and over seeded mutations of it, on a stable
//! compiler; `make miri` and `make sanitize` run that test once more.
//!
//! The parsers are no part of the public interface: `zenoh-pinned`, `zenoh-pinned-node` and `zenoh-pinned-models` show them under the feature
//! `internals` only.

mod page;
mod properties;
mod reader;
// By its path: the Python package is an extension module, which no crate can depend on.
#[allow(dead_code, reason = "the Python package uses the rest")]
#[path = "../../../../bindings/python/src/shape.rs"]
mod shape;

use properties::{
    acknowledgement, arrow_round_trip, arrow_values, daemon_message, header, inbox, inbox_address,
    layout, model_file, node_environment, proc_locks, proc_maps, proc_stat, python_shape,
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
pub const TARGETS: [Target; 14] = [
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
    inbox::TARGET,
    inbox_address::TARGET,
    model_file::TARGET,
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
