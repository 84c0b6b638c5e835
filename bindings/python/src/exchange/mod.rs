//! The newest-value exchange of a load balancer, for the package `zenoh_pinned.exchange`.
//!
//! Holds: the three ends of a region (`readers`: an agent and those that look on; `data_plane`), each open until it is
//! closed (`end`), records in and out of other objects' memory (`memory`), weights as callers have them (`weights`), and
//! errors (`errors`). Needs nothing else of this crate but the buffer protocol and words.
//!
//! Who may write what: a record is read from the region into memory of the call's own, and from there copied to the
//! caller's, which the crate below never sees. So the caller's stays as it is where nothing was read, and may be
//! aligned as it likes.
//!
//! Locks: one mutex around each end, held for one call of the crate below, which never waits and knows nothing of
//! Python. So it is taken with the interpreter attached, and a thread of a free-threaded interpreter waits for the
//! microsecond that another one needs. No error is made while it is held.
//!
//! Invariant: no call but opening takes longer than copying a record; so none of them detaches from the interpreter.

mod data_plane;
mod end;
mod errors;
mod memory;
mod readers;
mod weights;

pub(crate) use data_plane::DataPlaneEnd;
use pyo3::prelude::*;
pub(crate) use readers::{AgentEnd, ObserverEnd};
use zenoh_pinned_exchange::Metric;

/// The names of a server's features, in their order.
#[pyfunction]
pub(crate) fn feature_names() -> Vec<String> {
    zenoh_pinned_exchange::feature_names().collect()
}

/// The metric of a name that the features of it begin with.
fn metric(name: &str) -> PyResult<Metric> {
    match name {
        "fct" => Ok(Metric::FlowCompletionTime),
        "flow_duration" => Ok(Metric::FlowDuration),
        _ => Err(errors::value(format!(
            "{name:?} is no metric: there are \"fct\" and \"flow_duration\""
        ))),
    }
}
