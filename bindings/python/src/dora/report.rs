//! What a node's pinned outputs have done.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use zenoh_pinned_node::dora::OutputPath;

use crate::{pool::PoolStatistics, words};

/// The way of an output's messages, and their number.
///
///     >>> for output in node.report().outputs:
///     ...     print(output.output, output.path, output.sent, output.reason)
#[pyclass(frozen, get_all, module = "zenoh_pinned")]
pub(crate) struct OutputReport {
    /// The output's id.
    output: String,
    /// ``"pinned"``, ``"dora"`` for dora's own path, or ``"unsettled"`` before the first message.
    path: &'static str,
    /// Why the output takes dora's own path; `None` where it does not.
    reason: Option<String>,
    /// Messages that went through pinned memory.
    sent: u64,
    /// Their bytes, Arrow heads included.
    sent_bytes: u64,
    /// Messages that took one copy more than data that lies ready.
    ///
    /// Either an array was made of other data first, or views of a frame outlived the block that wrote it.
    copied: u64,
    /// Messages that went as bytes: small ones, and those for which a consumer cannot attach a pool.
    sent_as_bytes: u64,
    /// Messages that failed because no slot came free in time.
    timeouts: u64,
    /// Messages that were dropped for the same reason, where the caller had not asked for an error.
    dropped: u64,
}

#[pymethods]
impl OutputReport {
    fn __repr__(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})"));
        format!(
            "<OutputReport {}: {}{}, {} sent, {} as bytes, {} timeouts, {} dropped>",
            self.output,
            self.path,
            reason.unwrap_or_default(),
            self.sent,
            self.sent_as_bytes,
            self.timeouts,
            self.dropped
        )
    }
}

/// What a node's pinned outputs have done, and their pools.
///
///     >>> report = node.report()
///     >>> print(report.outputs, [pool.bytes for pool in report.pools])
#[pyclass(frozen, get_all, module = "zenoh_pinned")]
pub(crate) struct Report {
    /// Those outputs that something was sent or allocated for.
    outputs: Vec<Py<OutputReport>>,
    /// The pools, in the order in which they were made.
    pools: Vec<Py<PoolStatistics>>,
}

#[pymethods]
impl Report {
    fn __repr__(&self) -> String {
        format!(
            "<Report of {} outputs and {} pools>",
            self.outputs.len(),
            self.pools.len()
        )
    }
}

impl Report {
    pub(super) fn of(
        py: Python<'_>,
        report: zenoh_pinned_node::dora::Report,
        copied: &BTreeMap<String, u64>,
    ) -> PyResult<Self> {
        let outputs = report.outputs.into_iter().map(|output| {
            let (path, reason) = words(&output.path);
            let name = output.output.to_string();
            let report = OutputReport {
                copied: copied.get(&name).copied().unwrap_or(0),
                output: name,
                path,
                reason,
                sent: output.sent,
                sent_bytes: output.sent_bytes,
                sent_as_bytes: output.sent_as_bytes,
                timeouts: output.timeouts,
                dropped: output.dropped,
            };
            Py::new(py, report)
        });
        let pools = report.pools.iter();
        let pools = pools.map(|pool| Py::new(py, PoolStatistics::of(pool)));
        Ok(Self {
            outputs: outputs.collect::<PyResult<_>>()?,
            pools: pools.collect::<PyResult<_>>()?,
        })
    }
}

fn words(path: &OutputPath) -> (&'static str, Option<String>) {
    match path {
        OutputPath::Unsettled => ("unsettled", None),
        OutputPath::Pinned => ("pinned", None),
        OutputPath::Dora(reason) => ("dora", Some(words::in_dora(&reason.to_string()))),
    }
}
