//! The state of one output: its path, its route where it has one, and its counters.

use std::{sync::Weak, time::Instant};

use dora_message::id::DataId;

use crate::dora::{
    DoraPathReason, OutputPath, OutputReport, message::schema_once::SchemaOnce, route::Route,
};

#[derive(Default)]
pub(crate) struct Output {
    pub(crate) path: OutputPath,
    /// `None` before the first message, and on dora's own path.
    pub(crate) route: Option<Route>,
    pub(crate) schema_once: SchemaOnce,
    /// Not before then is a further pool tried, after one that could not be made or was refused.
    pub(crate) add_pool_at: Option<Instant>,
    /// Set by a message that waited for a slot in vain, until one finds a slot at once.
    pub(crate) do_consumers_stand_still: bool,
    /// Whether the warning was given that large messages go as bytes.
    pub(crate) is_without_pool: bool,
    sent: u64,
    sent_bytes: u64,
    sent_as_bytes: u64,
    timeouts: u64,
    dropped: u64,
    /// One for each message whose memory this process may still read.
    kept: Vec<Weak<()>>,
}

impl Output {
    /// Settles the output on dora's own path.
    pub(crate) fn leave_to_dora(&mut self, id: &DataId, reason: DoraPathReason) {
        // The node has chosen this one itself.
        match reason {
            DoraPathReason::AlreadyInUse => {}
            _ => tracing::warn!(output = %id, %reason, "the output takes dora's own path"),
        }
        self.path = OutputPath::Dora(reason);
        self.route = None;
    }

    pub(crate) fn count_sent(&mut self, bytes: usize) {
        self.sent += 1;
        self.sent_bytes += bytes as u64;
    }

    pub(crate) fn count_sent_as_bytes(&mut self) {
        self.sent_as_bytes += 1;
    }

    /// Takes note of a message whose memory this process reads until `keeper` has gone.
    pub(crate) fn note_kept(&mut self, keeper: Weak<()>) {
        self.kept.retain(|kept| kept.strong_count() > 0);
        self.kept.push(keeper);
    }

    /// How many messages keep their slots because this process reads them.
    pub(crate) fn kept(&self) -> u32 {
        let kept = self.kept.iter().filter(|kept| kept.strong_count() > 0);
        u32::try_from(kept.count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn count_timeout(&mut self) {
        self.timeouts += 1;
    }

    pub(crate) fn count_dropped(&mut self, id: &DataId) {
        if self.dropped == 0 {
            tracing::warn!(
                output = %id,
                "a consumer reads more slowly than this output sends and holds every slot: messages are dropped \
                 (and counted; ask for a wait to be held back instead)"
            );
        }
        self.dropped += 1;
    }

    pub(crate) fn report(&self, id: &DataId) -> OutputReport {
        OutputReport {
            output: id.clone(),
            path: self.path.clone(),
            sent: self.sent,
            sent_bytes: self.sent_bytes,
            sent_as_bytes: self.sent_as_bytes,
            timeouts: self.timeouts,
            dropped: self.dropped,
        }
    }
}
