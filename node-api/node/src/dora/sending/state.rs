//! Where an output's messages are written, sending them, and the end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use dora_message::{
    id::DataId,
    metadata::{Metadata, Parameter, SCHEMA_HASH},
};
use zenoh::bytes::ZBytes;
use zenoh_pinned::{AllocError, PinnedPool, Slot};

use super::{output::Output, settling::Unprepared};
use crate::dora::{
    DoraPathReason, OutputPath, Report, SendError, Settings,
    detached::waiting::Full,
    link::{Link, daemon::DaemonMessage},
    message::schema_once::SchemaOnce,
    pools::Pools,
    route::{Ending, Route, refusals::Refusals},
};

/// The outputs of a node, their pools, and the way to their consumers.
pub(crate) struct Sending {
    pub(crate) settings: Settings,
    pub(crate) link: Result<Link, DoraPathReason>,
    pub(crate) pools: Pools,
    pub(crate) refusals: Refusals,
    pub(crate) outputs: BTreeMap<DataId, Output>,
}

/// Where a message is to be written.
pub(crate) enum Place {
    Slot(Slot),
    /// Memory of dora's own.
    Dora,
    /// Ordinary memory, for the daemon.
    Daemon,
    /// Ordinary memory, to be sent as bytes.
    Bytes,
    /// Every slot is in use, and the message is dropped.
    Nowhere,
}

/// What came of looking for a place for a message.
pub(crate) enum Attempt {
    Ready(Place),
    Full(Full),
}

impl Sending {
    pub(crate) fn new(
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
    pub(crate) fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }

    /// Where messages of an output are written that does not take the pinned path; `None` where it does, or
    /// may.
    pub(crate) fn place_beside_the_pool(&mut self, output: &DataId) -> Option<Place> {
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

    pub(crate) fn entry(&mut self, output: &DataId) -> &mut Output {
        self.outputs.entry(output.clone()).or_default()
    }

    /// Looks for a place for a message of `bytes`, without waiting for a slot; settles the output's path if this is
    /// its first.
    pub(crate) fn attempt(&mut self, output: &DataId, bytes: usize) -> Result<Attempt, SendError> {
        if let Some(place) = self.place_beside_the_pool(output) {
            return Ok(Attempt::Ready(place));
        }
        if bytes < self.settings.shared_from_bytes {
            return Ok(Attempt::Ready(self.settle_for_bytes(output)));
        }
        let error = match self.free_slot(output, bytes) {
            Ok(slot) => return Ok(Attempt::Ready(Place::Slot(slot))),
            Err(error) => error,
        };
        if let Some(error) = error
            && !matches!(error, AllocError::TimedOut { .. })
        {
            return Ok(Attempt::Full(self.full(output, bytes, error)));
        }
        match self.add_pool(output, bytes) {
            Ok(true) => {
                if let Ok(slot) = self.free_slot(output, bytes) {
                    return Ok(Attempt::Ready(Place::Slot(slot)));
                }
            }
            Ok(false) | Err(Unprepared::Held) => {}
            Err(Unprepared::Now(error)) => return Err(error),
            Err(Unprepared::AsBytes) => {
                self.say_without_pool(output);
                return Ok(Attempt::Ready(Place::Bytes));
            }
            Err(Unprepared::ForGood(reason)) => {
                self.entry(output).leave_to_dora(output, reason);
                let place = self.place_beside_the_pool(output);
                return Ok(Attempt::Ready(place.unwrap_or(Place::Dora)));
            }
        }
        let held = self.pools.outgrown().iter();
        let holders = held.clone().next().map(PinnedPool::holders);
        let error = AllocError::TimedOut {
            len: bytes,
            slots: held.map(|pool| pool.statistics().slots).sum(),
            waited: Duration::ZERO,
            holders: Box::new(holders.unwrap_or_default()),
            growth: None,
            quarantine: Vec::new(),
        };
        Ok(Attempt::Full(self.full(output, bytes, error)))
    }

    /// A slot that is free now; what the last pool said where none is.
    fn free_slot(&self, output: &DataId, bytes: usize) -> Result<Slot, Option<AllocError>> {
        let mut last = None;
        for pool in self.pools.fitting(output, bytes) {
            match pool.try_alloc(bytes) {
                Ok(slot) => return Ok(slot),
                Err(error) => last = Some(error),
            }
        }
        Err(last)
    }

    fn full(&self, output: &DataId, bytes: usize, error: AllocError) -> Full {
        let fitting = self.pools.fitting(output, bytes);
        let are_fitting = !fitting.is_empty();
        let pools: Vec<PinnedPool> = match are_fitting {
            true => fitting.into_iter().cloned().collect(),
            false => self.pools.that_are_held().cloned().collect(),
        };
        Full {
            pools,
            are_fitting,
            are_all: self.pools.has_all_slots(output, bytes),
            error,
        }
    }

    /// The place of a message that needs no slot.
    fn settle_for_bytes(&mut self, output: &DataId) -> Place {
        match self.reach(output) {
            Ok(()) => {
                self.entry(output).path = OutputPath::Pinned;
                Place::Bytes
            }
            Err(reason) => {
                self.entry(output).leave_to_dora(output, reason);
                self.place_beside_the_pool(output).unwrap_or(Place::Dora)
            }
        }
    }

    fn say_without_pool(&mut self, output: &DataId) {
        let entry = self.entry(output);
        if !std::mem::replace(&mut entry.is_without_pool, true) {
            tracing::warn!(
                %output,
                "a consumer cannot attach a pool for messages of this size, so they are copied through sockets: \
                 raise its RLIMIT_MEMLOCK (ulimit -l), or call install_shm_clients() in it"
            );
        }
    }

    /// Sends a payload that lies in a slot.
    pub(crate) fn publish(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        payload: ZBytes,
    ) -> Result<(), SendError> {
        let bytes = payload.len();
        let (route, _) = self.route(output)?;
        let sent = route.publish(payload, &metadata);
        sent.map_err(|detail| not_published(output, detail))?;
        self.entry(output).count_sent(bytes);
        self.report_to_daemon(output, metadata)
    }

    /// Sends a stream as bytes.
    pub(crate) fn publish_bytes(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        stream: Vec<u8>,
    ) -> Result<(), SendError> {
        let (route, schema_once) = self.route(output)?;
        let sent = match schema_once.batch_of(&stream, &metadata.parameters, Instant::now()) {
            None => route.publish(stream.into(), &metadata),
            Some(batch) => {
                let hash = Parameter::Integer(batch.schema_hash as i64);
                let mut metadata = metadata.clone();
                metadata.parameters.insert(SCHEMA_HASH.to_owned(), hash);
                route.publish(batch.bytes.into(), &metadata)
            }
        };
        sent.map_err(|detail| not_published(output, detail))?;
        self.entry(output).count_sent_as_bytes();
        self.report_to_daemon(output, metadata)
    }

    fn route(&mut self, output: &DataId) -> Result<(&Route, &mut SchemaOnce), SendError> {
        let Output {
            route: Some(route),
            schema_once,
            ..
        } = self.entry(output)
        else {
            let detail = String::from("the slot belongs to other outputs than these");
            return Err(not_published(output, detail));
        };
        Ok((route, schema_once))
    }

    fn report_to_daemon(&mut self, output: &DataId, metadata: Metadata) -> Result<(), SendError> {
        if let Ok(link) = &mut self.link {
            link.daemon.output_sent(output, metadata)?;
        }
        Ok(())
    }

    /// Sends a message by way of the daemon.
    pub(crate) fn send_by_daemon(
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
    pub(crate) fn leave_to_dora(&mut self, output: &DataId) -> Result<(), SendError> {
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

    pub(crate) fn report(&self) -> Report {
        let outputs = self.outputs.iter().map(|(id, output)| output.report(id));
        Report {
            outputs: outputs.collect(),
            pools: self.pools.statistics(),
        }
    }

    /// Waits until the consumers of `outputs` have what was sent, all at the same time.
    pub(crate) fn flush(&mut self, outputs: &[DataId]) {
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
        let (node, patience) = (&link.node, self.settings.close_patience);
        let ending = |output, kept_here| Ending {
            node,
            pools: self.pools.of(output),
            kept_here,
            patience,
        };
        std::thread::scope(|scope| {
            for output in outputs {
                let Some(entry) = self.outputs.get(output) else {
                    continue;
                };
                let Some(route) = &entry.route else {
                    continue;
                };
                let ending = ending(output, entry.kept());
                let flush = move || route.flush(&ending);
                let flushing = std::thread::Builder::new().name(String::from("zpin-flush"));
                if let Err(error) = flushing.spawn_scoped(scope, flush) {
                    tracing::warn!(%error, "the last messages may not have been received");
                }
            }
        });
    }

    /// Waits as [`Sending::flush`] for all outputs, and closes the session.
    pub(crate) fn end(&mut self) {
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

fn not_published(output: &DataId, detail: String) -> SendError {
    SendError::Publish {
        output: output.clone(),
        detail,
    }
}
