//! The pinned outputs of a dora node.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use dora_message::{
    id::DataId,
    metadata::{FRAMING, FRAMING_ARROW_IPC, Metadata, MetadataParameters, Parameter, SCHEMA_HASH},
};
use dora_node_api::{DoraNode, IntoArrow, SampleAllocator};
use zenoh_pinned::{AllocError, PoolError, Slot};

use super::{
    Delivery, DoraPathReason, ElementType, OutputPath, OutputReport, OutputSlot, PinnedOptions,
    Report, SendError, Settings,
    daemon::{self, DaemonMessage},
    error::Unsettled,
    link::Link,
    output::PinnedOutput,
    pools::{NoPool, PoolIndex, Pools},
    slot::Memory,
    telemetry,
    type_check::TypeCheck,
};
use crate::arrow_stream::ArrowStream;

/// Sends a node's messages through pinned shared memory, output by output, where the consumers can receive
/// it, and through dora's own `send_output` where not.
///
/// An output's path is settled when its first message is sent, and stays: by then the size of the pool is
/// known, and whether each consumer can attach it. [`PinnedOutputs::report`] says which and why. Unmodified
/// consumers receive ordinary inputs.
///
/// Close it, or let it go out of scope, before the node: in `let (mut node, events) = ..; let mut outputs =
/// PinnedOutputs::attach(&node);` the compiler does. dora tells consumers that an input has closed when the
/// *node* goes, and what this has sent must be there by then.
///
/// Needs the node for its clock, its declared outputs and its own path; use it from one thread.
pub struct PinnedOutputs {
    settings: Settings,
    link: Result<Link, DoraPathReason>,
    type_check: Option<TypeCheck>,
    allocator: SampleAllocator,
    declared: BTreeSet<DataId>,
    pools: Pools,
    outputs: BTreeMap<DataId, Output>,
}

#[derive(Default)]
struct Output {
    state: State,
    sent: u64,
    sent_bytes: u64,
    timeouts: u64,
    dropped: u64,
}

#[derive(Default)]
enum State {
    #[default]
    Unsettled,
    Pinned(Box<PinnedOutput>),
    Dora(DoraPathReason),
}

/// Where a message is to be written.
enum Place {
    Slot(Slot),
    /// Memory of dora's own.
    Dora,
    /// Ordinary memory, for the daemon.
    Daemon,
    Nowhere,
}

impl PinnedOutputs {
    /// Pinned outputs for `node`, with the settings that its environment asks for.
    ///
    /// Opens a second zenoh session in this process and a second connection to the daemon, which takes some
    /// milliseconds. Always succeeds; where something is missing, outputs take dora's own path.
    pub fn attach(node: &DoraNode) -> Self {
        Self::attach_with(node, Settings::from_environment())
    }

    /// As [`PinnedOutputs::attach`], with settings of the caller's.
    pub fn attach_with(node: &DoraNode, settings: Settings) -> Self {
        let link = Link::open(node);
        if let Err(reason) = &link {
            tracing::warn!(%reason, "pinned outputs take dora's own path");
        }
        let config = node.node_config();
        Self {
            link,
            type_check: TypeCheck::from_environment(config),
            allocator: node.sample_allocator(),
            declared: config.outputs.clone(),
            pools: Pools::new(format!("dora/{}", node.id()), &settings),
            outputs: BTreeMap::new(),
            settings,
        }
    }

    /// Sends an Arrow array, or anything that dora makes one of; it is copied once, into a slot.
    ///
    /// Does all that dora's `send_output` does. Blocks while consumers hold every slot, up to a second or
    /// as long as `pinned` says; the first message of an output also waits for its consumers to attach the
    /// pool, usually some tens of milliseconds.
    ///
    /// # Errors
    /// [`SendError`]; the message has not been sent unless the variant says so.
    pub fn send_output(
        &mut self,
        node: &mut DoraNode,
        output: DataId,
        parameters: MetadataParameters,
        data: impl IntoArrow,
        pinned: impl Into<PinnedOptions>,
    ) -> Result<Delivery, SendError> {
        if !node.validate_output(&output) {
            return Ok(Delivery::Ignored);
        }
        let data = data.into_arrow();
        if let Some(Place::Dora) = self.place_beside_the_pool(&output) {
            node.send_output(output, parameters, data)?;
            return Ok(Delivery::Dora);
        }
        if let Some(check) = &self.type_check {
            check.check(&output, data.as_array().data_type(), &parameters)?;
        }
        let stream = ArrowStream::of(data.as_array())?;
        match self.place(&output, stream.bytes(), pinned.into())? {
            Place::Slot(mut slot) => {
                stream.write_to(&mut slot);
                self.publish(node, output, parameters, slot)
            }
            Place::Dora => {
                node.send_output(output, parameters, data)?;
                Ok(Delivery::Dora)
            }
            Place::Daemon => {
                let mut message = daemon::message_of(stream.bytes());
                stream.write_to(&mut message);
                self.send_by_daemon(node, output, parameters, message)
            }
            Place::Nowhere => Ok(Delivery::Dropped),
        }
    }

    /// Memory for an array of `shape` and `element`, to be written in place and sent by
    /// [`PinnedOutputs::send`]: no copy is made on the pinned path. Waits for a slot up to a second.
    ///
    /// # Errors
    /// [`SendError`]: nothing is taken from the pool.
    pub fn alloc(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
    ) -> Result<OutputSlot, SendError> {
        let options = PinnedOptions::default();
        self.alloc_timeout(output, shape, element, options.wait)
    }

    /// As [`PinnedOutputs::alloc`], waiting up to `wait` for a slot.
    ///
    /// # Errors
    /// As [`PinnedOutputs::alloc`].
    pub fn alloc_timeout(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Duration,
    ) -> Result<OutputSlot, SendError> {
        if !self.declared.contains(output) {
            return Err(SendError::UndeclaredOutput {
                output: output.clone(),
            });
        }
        let mut sizes = shape.iter().copied();
        let count = sizes
            .try_fold(1, usize::checked_mul)
            .filter(|count| *count > 0);
        let count = count.ok_or_else(|| SendError::Shape {
            shape: shape.to_vec(),
        })?;
        let stream = ArrowStream::in_place(&element.data_type(), count)?;
        let options = PinnedOptions {
            wait,
            drop_when_full: false,
        };
        let memory = match self.place(output, stream.bytes(), options)? {
            Place::Slot(mut slot) => {
                stream.write_to(&mut slot);
                Memory::Pinned(slot)
            }
            Place::Daemon => {
                let mut message = daemon::message_of(stream.bytes());
                stream.write_to(&mut message);
                Memory::Daemon(message)
            }
            Place::Dora | Place::Nowhere => {
                let mut sample = self.allocator.allocate(stream.bytes())?;
                stream.write_to(&mut sample);
                Memory::Dora(sample)
            }
        };
        let first = stream.data_offset();
        Ok(OutputSlot {
            output: output.clone(),
            shape: shape.to_vec(),
            element,
            memory,
            elements: first..first + count * element.bytes(),
        })
    }

    /// Sends what was written in place. A shape of more than one dimension is added to the parameters as
    /// `shape`, where there is none.
    ///
    /// # Errors
    /// [`SendError`]; the message has not been sent unless the variant says so.
    pub fn send(
        &mut self,
        node: &mut DoraNode,
        mut parameters: MetadataParameters,
        slot: OutputSlot,
    ) -> Result<Delivery, SendError> {
        if !node.validate_output(&slot.output) {
            return Ok(Delivery::Ignored);
        }
        slot.describe(&mut parameters);
        if let Some(check) = &self.type_check {
            check.check(&slot.output, &slot.element.data_type(), &parameters)?;
        }
        match slot.memory {
            Memory::Pinned(memory) => self.publish(node, slot.output, parameters, memory),
            Memory::Daemon(message) => self.send_by_daemon(node, slot.output, parameters, message),
            Memory::Dora(sample) => {
                mark_as_stream(&mut parameters);
                node.send_output_sample(slot.output, parameters, Some(sample))?;
                Ok(Delivery::Dora)
            }
        }
    }

    /// Closes outputs early, as `DoraNode::close_outputs`, after their consumers have what was sent.
    ///
    /// # Errors
    /// As dora's own: an output that the node does not have, and then none is closed.
    pub fn close_outputs(
        &mut self,
        node: &mut DoraNode,
        outputs: Vec<DataId>,
    ) -> Result<(), SendError> {
        self.flush(&outputs);
        node.close_outputs(outputs.clone())?;
        for output in outputs {
            self.declared.remove(&output);
        }
        Ok(())
    }

    /// What has been sent, which way, and why.
    pub fn report(&self) -> Report {
        let outputs = self.outputs.iter().map(|(id, output)| OutputReport {
            output: id.clone(),
            path: match &output.state {
                State::Unsettled => OutputPath::Unsettled,
                State::Pinned(_) => OutputPath::Pinned,
                State::Dora(reason) => OutputPath::Dora(reason.clone()),
            },
            sent: output.sent,
            sent_bytes: output.sent_bytes,
            timeouts: output.timeouts,
            dropped: output.dropped,
        });
        Report {
            outputs: outputs.collect(),
            pools: self.pools.statistics(),
        }
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    pub fn close(mut self) -> Report {
        let report = self.report();
        self.end();
        report
    }

    /// Where messages of an output are written that does not take the pinned path.
    fn place_beside_the_pool(&mut self, output: &DataId) -> Option<Place> {
        let state = &mut self.outputs.entry(output.clone()).or_default().state;
        if let (State::Unsettled, Err(reason)) = (&state, &self.link) {
            *state = State::Dora(reason.clone());
        }
        match state {
            // dora itself would try its own shared memory, and lose what this consumer cannot attach.
            State::Dora(DoraPathReason::CannotAttach { .. }) => Some(Place::Daemon),
            State::Dora(_) => Some(Place::Dora),
            State::Unsettled | State::Pinned(_) => None,
        }
    }

    /// A place for a message of `bytes`; settles the output's path if this is its first.
    fn place(
        &mut self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Place, SendError> {
        if let Some(place) = self.place_beside_the_pool(output) {
            return Ok(place);
        }
        let started = Instant::now();
        let slot = match self.prepare(output, bytes) {
            Ok(pool) => self.pools.get(pool).alloc_timeout(bytes, options.wait),
            Err(Unsettled::ForGood(reason)) => {
                tracing::warn!(%output, %reason, "the output takes dora's own path");
                let entry = self.outputs.entry(output.clone()).or_default();
                entry.state = State::Dora(reason);
                return Ok(self.place_beside_the_pool(output).unwrap_or(Place::Dora));
            }
            Err(Unsettled::Now(error)) => return Err(error),
        };
        let source = match slot {
            Ok(slot) => return Ok(Place::Slot(slot)),
            Err(error) => error,
        };
        let counters = self.outputs.entry(output.clone()).or_default();
        if options.drop_when_full && matches!(source, AllocError::TimedOut { .. }) {
            counters.dropped += 1;
            return Ok(Place::Nowhere);
        }
        counters.timeouts += 1;
        Err(SendError::Full {
            output: output.clone(),
            waited: started.elapsed(),
            source,
        })
    }

    /// The pool for a message of an output, which its consumers have attached.
    fn prepare(&mut self, output: &DataId, bytes: usize) -> Result<PoolIndex, Unsettled> {
        let link = self.link.as_ref().map_err(Clone::clone)?;
        link.node.route(output)?;
        let entry = self.outputs.entry(output.clone()).or_default();
        let is_first = matches!(entry.state, State::Unsettled);
        let index = match self.pools.for_bytes(bytes) {
            Ok(index) => index,
            Err(error) => return Err(no_pool(output, error, is_first)),
        };
        let patience = self.settings.settle_patience;
        if is_first {
            let declared = PinnedOutput::declare(&link.session, &link.node, output, patience)?;
            entry.state = State::Pinned(Box::new(declared));
        }
        let State::Pinned(pinned) = &mut entry.state else {
            return Err(DoraPathReason::NoRoute.into());
        };
        let pool = (index, self.pools.get(index));
        match pinned.prove_attached(&link.node, output, pool, patience) {
            Ok(()) => Ok(index),
            // Later the path does not change any more, or messages would overtake each other.
            Err(Unsettled::ForGood(DoraPathReason::CannotAttach { consumers, .. }))
                if !is_first =>
            {
                Err(Unsettled::Now(SendError::CannotAttach { consumers, bytes }))
            }
            Err(unsettled) => {
                if is_first {
                    entry.state = State::Unsettled;
                }
                Err(unsettled)
            }
        }
    }

    fn publish(
        &mut self,
        node: &DoraNode,
        output: DataId,
        parameters: MetadataParameters,
        slot: Slot,
    ) -> Result<Delivery, SendError> {
        let entry = self.outputs.entry(output.clone()).or_default();
        let (Ok(link), State::Pinned(pinned)) = (&mut self.link, &entry.state) else {
            let detail = String::from("the slot belongs to other outputs than these");
            return Err(SendError::Publish { output, detail });
        };
        let metadata = metadata(node, parameters);
        let bytes = slot.len() as u64;
        if let Err(detail) = pinned.publish(slot.into_shm(), &metadata) {
            return Err(SendError::Publish { output, detail });
        }
        entry.sent += 1;
        entry.sent_bytes += bytes;
        link.daemon.output_sent(&output, metadata)?;
        Ok(Delivery::Pinned)
    }

    fn send_by_daemon(
        &mut self,
        node: &DoraNode,
        output: DataId,
        parameters: MetadataParameters,
        message: DaemonMessage,
    ) -> Result<Delivery, SendError> {
        let Ok(link) = &mut self.link else {
            let detail = String::from("these outputs are closed");
            return Err(SendError::Publish { output, detail });
        };
        let metadata = metadata(node, parameters);
        let sent = link.daemon.send_message(&output, metadata, message);
        sent.map_err(|source| SendError::Daemon { output, source })?;
        Ok(Delivery::Dora)
    }

    /// Waits until the consumers of `outputs` have what was sent.
    fn flush(&mut self, outputs: &[DataId]) {
        let Ok(link) = &mut self.link else {
            return;
        };
        // The node closes its outputs over another connection, which must not overtake this one.
        if let Err(error) = link.daemon.flush() {
            tracing::warn!(%error, "the daemon may not have everything");
        }
        let until = Instant::now() + self.settings.close_patience;
        for output in outputs {
            if let Some(Output {
                state: State::Pinned(pinned),
                sent: 1..,
                ..
            }) = self.outputs.get(output)
            {
                let patience = until.saturating_duration_since(Instant::now());
                pinned.flush(&link.node, |index| self.pools.get(index), patience);
            }
        }
    }

    fn end(&mut self) {
        let outputs: Vec<_> = self.outputs.keys().cloned().collect();
        self.flush(&outputs);
        // Publishers before their session, the session before the pools.
        self.outputs.clear();
        let closed = DoraPathReason::NotStartedByDaemon;
        if let Ok(link) = std::mem::replace(&mut self.link, Err(closed)) {
            link.close();
        }
    }
}

impl Drop for PinnedOutputs {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for PinnedOutputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PinnedOutputs")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}

fn no_pool(output: &DataId, error: NoPool, is_first: bool) -> Unsettled {
    match error {
        NoPool::OverBudget {
            needed_bytes,
            left_bytes,
            max_bytes,
        } => Unsettled::Now(SendError::OverBudget {
            output: output.clone(),
            needed_bytes,
            left_bytes,
            max_bytes,
        }),
        NoPool::NoSharedMemory(reason) => DoraPathReason::NoSharedMemory(reason).into(),
        // The message is at fault, not the place.
        NoPool::Pool(error @ PoolError::SlotTooLarge { .. }) => Unsettled::Now(error.into()),
        NoPool::Pool(error) if is_first => Unsettled::ForGood(DoraPathReason::NoPool {
            detail: error.to_string(),
        }),
        NoPool::Pool(error) => Unsettled::Now(error.into()),
    }
}

/// The metadata of a message, as dora's own send path makes it.
fn metadata(node: &DoraNode, mut parameters: MetadataParameters) -> Metadata {
    parameters.remove(SCHEMA_HASH);
    mark_as_stream(&mut parameters);
    telemetry::inject(&mut parameters);
    Metadata::from_parameters(node.timestamp(), parameters)
}

fn mark_as_stream(parameters: &mut MetadataParameters) {
    let framing = Parameter::String(FRAMING_ARROW_IPC.to_owned());
    parameters.insert(FRAMING.to_owned(), framing);
}
