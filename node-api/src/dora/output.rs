//! One output: its path, its route where it has one, and its counters.

use dora_message::id::DataId;

use super::{DoraPathReason, OutputPath, OutputReport, route::Route};

pub(super) struct Output {
    pub(super) path: OutputPath,
    /// There from the first message that might be pinned.
    pub(super) route: Option<Route>,
    sent: u64,
    sent_bytes: u64,
    timeouts: u64,
    dropped: u64,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            path: OutputPath::Unsettled,
            route: None,
            sent: 0,
            sent_bytes: 0,
            timeouts: 0,
            dropped: 0,
        }
    }
}

impl Output {
    /// Settles the output on dora's own path.
    pub(super) fn leave_to_dora(&mut self, id: &DataId, reason: DoraPathReason) {
        // Chosen by the node itself, it is no news to it.
        match reason {
            DoraPathReason::AlreadyInUse => {}
            _ => tracing::warn!(output = %id, %reason, "the output takes dora's own path"),
        }
        self.path = OutputPath::Dora(reason);
        self.route = None;
    }

    pub(super) fn count_sent(&mut self, bytes: usize) {
        self.sent += 1;
        self.sent_bytes += bytes as u64;
    }

    pub(super) fn count_timeout(&mut self) {
        self.timeouts += 1;
    }

    pub(super) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    pub(super) fn report(&self, id: &DataId) -> OutputReport {
        OutputReport {
            output: id.clone(),
            path: self.path.clone(),
            sent: self.sent,
            sent_bytes: self.sent_bytes,
            timeouts: self.timeouts,
            dropped: self.dropped,
        }
    }
}
