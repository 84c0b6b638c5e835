//! Where an output's messages are written, sending them, and the end.

use std::{collections::BTreeMap, time::Instant};

use dora_message::{id::DataId, metadata::Metadata};
use zenoh::bytes::ZBytes;
use zenoh_pinned::{AllocError, Slot};

use super::{
    DoraPathReason, OutputPath, PinnedOptions, Report, SendError, Settings, answers::deadline,
    daemon::DaemonMessage, link::Link, output::Output, pools::Pools, refusals::Refusals,
    settling::Unprepared,
};

/// The outputs of a node, their pools, and the way to their consumers.
pub(super) struct Sending {
    pub(super) settings: Settings,
    pub(super) link: Result<Link, DoraPathReason>,
    pub(super) pools: Pools,
    pub(super) refusals: Refusals,
    pub(super) outputs: BTreeMap<DataId, Output>,
}

/// Where a message is to be written.
pub(super) enum Place {
    Slot(Slot),
    /// Memory of dora's own.
    Dora,
    /// Ordinary memory, for the daemon.
    Daemon,
    /// Every slot is in use, and the caller chose to drop the message then.
    Nowhere,
}

impl Sending {
    pub(super) fn new(
        name: String,
        link: Result<Link, DoraPathReason>,
        settings: Settings,
    ) -> Self {
        if let Err(reason) = &link {
            tracing::warn!(%reason, "outputs take dora's own path");
        }
        Self {
            pools: Pools::new(name, &settings),
            refusals: Refusals::default(),
            link,
            outputs: BTreeMap::new(),
            settings,
        }
    }

    /// The most bytes that a message may have anywhere.
    pub(super) fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }

    /// Where messages of an output are written that does not take the pinned path; `None` where it does, or
    /// may.
    pub(super) fn place_beside_the_pool(&mut self, output: &DataId) -> Option<Place> {
        let path = &mut self.outputs.entry(output.clone()).or_default().path;
        if let (OutputPath::Unsettled, Err(reason)) = (&path, &self.link) {
            *path = OutputPath::Dora(reason.clone());
        }
        match path {
            // dora itself would try its own shared memory, and lose what this consumer cannot attach.
            OutputPath::Dora(reason) if reason.is_about_memory_of_consumers() => {
                Some(Place::Daemon)
            }
            OutputPath::Dora(_) => Some(Place::Dora),
            OutputPath::Unsettled | OutputPath::Pinned => None,
        }
    }

    /// A place for a message of `bytes`; settles the output's path if this is its first.
    pub(super) fn place(
        &mut self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Place, SendError> {
        if let Some(place) = self.place_beside_the_pool(output) {
            return Ok(place);
        }
        let started = Instant::now();
        let prepared = self.prepare(output, bytes, options.wait);
        let entry = self.outputs.entry(output.clone()).or_default();
        let source = match prepared {
            Ok(index) => match self.pools.get(index).alloc_timeout(bytes, options.wait) {
                Ok(slot) => return Ok(Place::Slot(slot)),
                Err(error) => error,
            },
            Err(Unprepared::Full(error)) => error,
            Err(Unprepared::Now(error)) => return Err(error),
            Err(Unprepared::ForGood(reason)) => {
                entry.leave_to_dora(output, reason);
                return Ok(self.place_beside_the_pool(output).unwrap_or(Place::Dora));
            }
        };
        if options.drop_when_full && matches!(source, AllocError::TimedOut { .. }) {
            entry.count_dropped();
            return Ok(Place::Nowhere);
        }
        entry.count_timeout();
        Err(SendError::Full {
            output: output.clone(),
            waited: started.elapsed(),
            source,
        })
    }

    /// Sends a payload that lies in a slot.
    pub(super) fn publish(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        payload: ZBytes,
    ) -> Result<(), SendError> {
        let failed = |detail| SendError::Publish {
            output: output.clone(),
            detail,
        };
        let entry = self.outputs.entry(output.clone()).or_default();
        let (Ok(link), Some(route)) = (&mut self.link, &entry.route) else {
            let detail = String::from("the slot belongs to other outputs than these");
            return Err(failed(detail));
        };
        let bytes = payload.len();
        route.publish(payload, &metadata).map_err(failed)?;
        entry.count_sent(bytes);
        link.daemon.output_sent(output, metadata)?;
        Ok(())
    }

    /// Sends a message by way of the daemon.
    pub(super) fn send_by_daemon(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        message: DaemonMessage,
    ) -> Result<(), SendError> {
        let output = || output.clone();
        let Ok(link) = &mut self.link else {
            return Err(SendError::Publish {
                output: output(),
                detail: String::from("these outputs are closed"),
            });
        };
        let sent = link.daemon.send_message(&output(), metadata, message);
        sent.map_err(|source| SendError::Daemon {
            output: output(),
            source,
        })
    }

    /// Settles an output on dora's own path, unless it is pinned.
    pub(super) fn leave_to_dora(&mut self, output: &DataId) -> Result<(), SendError> {
        let entry = self.outputs.entry(output.clone()).or_default();
        match &entry.path {
            OutputPath::Pinned => Err(SendError::Pinned {
                output: output.clone(),
            }),
            OutputPath::Dora(_) => Ok(()),
            OutputPath::Unsettled => {
                entry.leave_to_dora(output, DoraPathReason::AlreadyInUse);
                Ok(())
            }
        }
    }

    pub(super) fn report(&self) -> Report {
        let outputs = self.outputs.iter().map(|(id, output)| output.report(id));
        Report {
            outputs: outputs.collect(),
            pools: self.pools.statistics(),
        }
    }

    /// Waits until the consumers of `outputs` have what was sent, all at the same time.
    pub(super) fn flush(&mut self, outputs: &[DataId]) {
        let Ok(link) = &mut self.link else {
            return;
        };
        // The node closes its outputs over another connection, which must not overtake this one.
        let by_daemon = |output: &DataId| {
            let path = self.outputs.get(output).map(|output| &output.path);
            matches!(path, Some(OutputPath::Dora(reason)) if reason.is_about_memory_of_consumers())
        };
        if outputs.iter().any(by_daemon)
            && let Err(error) = link.daemon.flush()
        {
            tracing::warn!(%error, "the daemon may not have everything");
        }
        let until = deadline(self.settings.close_patience);
        let pools = self.pools.made().into_iter();
        let pools: Vec<_> = pools.map(|made| (made, self.pools.get(made))).collect();
        let node = &link.node;
        std::thread::scope(|scope| {
            for output in outputs {
                let entry = self.outputs.get(output);
                let Some(route) = entry.and_then(|entry| entry.route.as_ref()) else {
                    continue;
                };
                let flush = || route.flush(node, &pools, until);
                let flushing = std::thread::Builder::new().name(String::from("zpin-flush"));
                if flushing.spawn_scoped(scope, flush).is_err() {
                    route.flush(node, &pools, until);
                }
            }
        });
    }

    /// Waits as [`Sending::flush`] for all outputs, and closes the session.
    pub(super) fn end(&mut self) {
        let outputs: Vec<_> = self.outputs.keys().cloned().collect();
        self.flush(&outputs);
        let routes = self.outputs.values_mut();
        let routes: Vec<_> = routes.filter_map(|output| output.route.take()).collect();
        let closed = DoraPathReason::NotStartedByDaemon;
        if let Ok(link) = std::mem::replace(&mut self.link, Err(closed)) {
            link.close(routes);
        }
    }
}
