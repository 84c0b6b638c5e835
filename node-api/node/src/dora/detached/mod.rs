//! Pinned outputs beside a node that another language's dora API has made.

pub(crate) mod waiting;

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arrow::array::ArrayRef;
use dora_message::{
    config::NodeRunConfig,
    id::DataId,
    metadata::{FRAMING, FRAMING_ARROW_IPC, Metadata, MetadataParameters, Parameter, SCHEMA_HASH},
    uhlc::Timestamp,
};
use dora_node_api::DataSample;
use zenoh_pinned::AllocError;

use super::{
    Delivery, DoraPathReason, ElementType, OutputSlot, PinnedOptions, Report, SendError, Settings,
    link::{Link, daemon, description::NodeDescription},
    message::{telemetry, type_check::TypeCheck},
    sending::state::{Attempt, Place, Sending},
    slot::{Memory, SealedSlot, describe_shape},
};
use crate::arrow_stream::ArrowStream;
use waiting::Waiting;

/// What [`PinnedOutputs`](super::PinnedOutputs) is made of, for bindings to other languages: it has no dora node, so what is
/// to take dora's own path is given back to the caller, whose own `send_output` sends it then.
///
/// Describes the node by the environment that the daemon gave this process. Close it, or drop it, before that
/// node. Usable from several threads: one that waits for a slot does not hold up the others.
///
/// Locks: one mutex around the state of the outputs, not held while a message waits for a slot or is copied.
pub struct DetachedOutputs {
    sending: Mutex<Sending>,
    type_check: Option<TypeCheck>,
    /// `None` where nobody told.
    declared: Option<BTreeSet<DataId>>,
}

/// Memory for elements that are written in place, or where else they are to go.
pub(crate) struct Placed {
    pub(crate) stream: ArrowStream,
    /// `None` where every slot is in use.
    pub(crate) place: Option<Place>,
    /// Bytes of the elements.
    pub(crate) bytes: usize,
}

/// What became of a message that was offered to [`DetachedOutputs`].
#[derive(Debug)]
pub enum Offered {
    /// It is on its way, or was dropped as the caller had chosen.
    Sent(Delivery),
    /// The output takes dora's own path: the caller's own `send_output` has to send it, with these
    /// parameters.
    Refused(MetadataParameters),
}

impl DetachedOutputs {
    /// Pinned outputs for the dora node of this process, whose API has the version `dora`, with the settings
    /// that its environment asks for.
    ///
    /// Always succeeds; where something is missing, outputs take dora's own path.
    pub fn attach(dora: &str) -> Self {
        let description = NodeDescription::from_environment(dora);
        let (id, config) = match &description {
            Ok(found) => (found.node_id.to_string(), Some(found.run_config.clone())),
            Err(_) => (String::from("node"), None),
        };
        let settings = Settings::from_environment();
        Self::of(&id, description, config.as_ref(), settings)
    }

    pub(crate) fn of(
        id: &str,
        description: Result<NodeDescription, DoraPathReason>,
        config: Option<&NodeRunConfig>,
        settings: Settings,
    ) -> Self {
        let link = description.and_then(Link::open);
        // An interactive node has whatever output is asked for.
        let declared = config.map(|config| config.outputs.clone());
        let declared = declared.filter(|outputs| link.is_ok() || !outputs.is_empty());
        Self {
            type_check: config.and_then(TypeCheck::from_environment),
            declared,
            sending: Mutex::new(Sending::new(format!("dora/{id}"), link, settings)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sending> {
        // What was sent has been sent; a panic leaves at worst one message uncounted.
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an output that is about to be used by the caller's own `send_output` to dora.
    ///
    /// # Errors
    /// [`SendError::Pinned`]: its messages go through pinned memory already, and others would overtake them.
    pub fn leave_to_dora(&self, output: &DataId) -> Result<(), SendError> {
        self.lock().leave_to_dora(output)
    }

    /// Sends an Arrow array; it is copied once, into a slot. `timestamp` is asked for last, so that the
    /// message's time is later than what preceded it.
    ///
    /// # Errors
    /// [`SendError`]; the message has not been sent unless the variant says so.
    pub fn send(
        &self,
        output: &DataId,
        parameters: MetadataParameters,
        array: &ArrayRef,
        options: PinnedOptions,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<Offered, SendError> {
        if let Some(Place::Dora) = self.lock().place_beside_the_pool(output) {
            return Ok(Offered::Refused(parameters));
        }
        if let Some(check) = &self.type_check {
            check.check(output, array.data_type(), &parameters)?;
        }
        let stream = ArrowStream::of(array)?;
        let place = self.place(output, stream.bytes(), options)?;
        let write = |memory: &mut [u8]| stream.write_to(memory);
        let metadata = |parameters| metadata(timestamp(), parameters);
        match place {
            Place::Dora => Ok(Offered::Refused(parameters)),
            place => {
                let sent = self.send_to(place, output, stream.bytes(), write, || {
                    metadata(parameters)
                });
                sent.map(Offered::Sent)
            }
        }
    }

    /// Writes a message where it has a place, and sends it.
    fn send_to(
        &self,
        place: Place,
        output: &DataId,
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
        metadata: impl FnOnce() -> Metadata,
    ) -> Result<Delivery, SendError> {
        match place {
            Place::Slot(mut slot) => {
                write(&mut slot);
                self.lock().publish(output, metadata(), slot.into_shm())?;
                Ok(Delivery::Pinned)
            }
            Place::Bytes => {
                let mut message = vec![0; bytes];
                write(&mut message);
                self.lock().publish_bytes(output, metadata(), message)?;
                Ok(Delivery::Bytes)
            }
            Place::Daemon => {
                let mut message = daemon::message_of(bytes);
                write(&mut message);
                self.lock().send_by_daemon(output, metadata(), message)?;
                Ok(Delivery::Dora)
            }
            Place::Nowhere => Ok(Delivery::Dropped),
            Place::Dora => Err(SendError::Publish {
                output: output.clone(),
                detail: String::from("these outputs are closed"),
            }),
        }
    }

    /// A place for a message of `bytes`; waits for a slot as `options` say.
    fn place(
        &self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Place, SendError> {
        let (source, waited) = match self.find_place(output, bytes, options)? {
            Ok(place) => return Ok(place),
            Err(full) => full,
        };
        let mut sending = self.lock();
        let entry = sending.entry(output);
        if options.drops() && matches!(source, AllocError::TimedOut { .. }) {
            entry.count_dropped(output);
            return Ok(Place::Nowhere);
        }
        entry.count_timeout();
        Err(SendError::Full {
            output: output.clone(),
            waited,
            source,
        })
    }

    /// As [`DetachedOutputs::place`]; where there is none, why and how long was waited, which is not counted.
    fn find_place(
        &self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<Result<Place, (AllocError, Duration)>, SendError> {
        let mut waiting = None;
        loop {
            let mut sending = self.lock();
            if options.waits() {
                sending.pools.hold_back(output);
            }
            let full = match sending.attempt(output, bytes)? {
                Attempt::Ready(place) => {
                    if waiting.is_none() {
                        sending.entry(output).do_consumers_stand_still = false;
                    }
                    return Ok(Ok(place));
                }
                Attempt::Full(full) => full,
            };
            let stand_still = sending.entry(output).do_consumers_stand_still;
            drop(sending);
            let waiting =
                waiting.get_or_insert_with(|| Waiting::new(bytes, options.wait(stand_still)));
            match waiting.wait_for(full) {
                Ok(Some(slot)) => return Ok(Ok(Place::Slot(slot))),
                Ok(None) => {}
                Err(source) => {
                    self.lock().entry(output).do_consumers_stand_still = true;
                    return Ok(Err((source, waiting.waited())));
                }
            }
        }
    }

    /// Settles the path of an output and makes its pool, for messages whose elements need up to `bytes` bytes, so
    /// that none of them has to wait for that; `options` are those of the messages.
    ///
    /// # Errors
    /// [`SendError`], as of a message of that size.
    pub fn prepare(
        &self,
        output: &DataId,
        bytes: usize,
        options: PinnedOptions,
    ) -> Result<(), SendError> {
        if options.waits() {
            self.lock().pools.hold_back(output);
        }
        let stream = ArrowStream::in_place(&ElementType::Uint8.data_type(), bytes.max(1))?;
        // What comes of it is given back; a full pool is one that is there.
        self.lock().attempt(output, stream.bytes()).map(drop)
    }

    /// Memory for an array of `shape` and `element`, to be written in place and sent by
    /// [`DetachedOutputs::send_sealed`]; `None` where the message does not go through a slot, and an array in
    /// ordinary memory for [`DetachedOutputs::send`] does as well. Waits for a slot up to `wait`; without that,
    /// every slot being in use is such a case too.
    ///
    /// # Errors
    /// [`SendError`]: nothing is taken from the pool.
    pub fn alloc(
        &self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Option<Duration>,
    ) -> Result<Option<OutputSlot>, SendError> {
        let placed = self.place_in(output, shape, element, wait)?;
        let Some(Place::Slot(slot)) = placed.place else {
            return Ok(None);
        };
        let first = placed.stream.data_offset();
        Ok(Some(OutputSlot {
            output: output.clone(),
            shape: shape.to_vec(),
            element,
            memory: Memory::Pinned(slot),
            elements: first..first + placed.bytes,
        }))
    }

    /// A place for elements to be written in place; the stream around them is written already.
    pub(crate) fn place_in(
        &self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Option<Duration>,
    ) -> Result<Placed, SendError> {
        let declared = self.declared.as_ref();
        if declared.is_some_and(|declared| !declared.contains(output)) {
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
        let options = PinnedOptions::default();
        let mut place = match wait {
            Some(wait) => {
                let options = options.wait_at_most(wait);
                Some(self.place(output, stream.bytes(), options)?)
            }
            None => match self.find_place(output, stream.bytes(), options)? {
                Ok(place) => Some(place),
                Err((AllocError::TimedOut { .. }, _)) => None,
                Err((source, waited)) => {
                    return Err(SendError::Full {
                        output: output.clone(),
                        waited,
                        source,
                    });
                }
            },
        };
        if let Some(Place::Slot(slot)) = &mut place {
            stream.write_to(slot);
        }
        Ok(Placed {
            bytes: count * element.bytes(),
            stream,
            place,
        })
    }

    /// Sends what was written in place.
    ///
    /// A shape of more than one dimension is added to the parameters as `shape`, where there is none.
    ///
    /// # Errors
    /// [`SendError`]; the message has not been sent unless the variant says so.
    pub fn send_sealed(
        &self,
        parameters: MetadataParameters,
        slot: SealedSlot,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<(), SendError> {
        let (output, shape) = (slot.output.clone(), &slot.shape);
        let parameters = self.described(&output, shape, slot.element, parameters)?;
        let metadata = metadata(timestamp(), parameters);
        let (payload, keeper) = slot.into_payload();
        let mut sending = self.lock();
        sending.entry(&output).note_kept(keeper);
        sending.publish(&output, metadata, payload)
    }

    /// As [`DetachedOutputs::send_sealed`], for a slot of any memory; gives back what dora itself has to send.
    pub(crate) fn send_slot(
        &self,
        parameters: MetadataParameters,
        slot: OutputSlot,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<Result<Delivery, (MetadataParameters, DataId, DataSample)>, SendError> {
        let mut parameters = self.described(&slot.output, &slot.shape, slot.element, parameters)?;
        let output = slot.output;
        let (place, message) = match slot.memory {
            Memory::Pinned(memory) => {
                let metadata = metadata(timestamp(), parameters);
                self.lock().publish(&output, metadata, memory.into_shm())?;
                return Ok(Ok(Delivery::Pinned));
            }
            Memory::Daemon(message) => {
                let metadata = metadata(timestamp(), parameters);
                self.lock().send_by_daemon(&output, metadata, message)?;
                return Ok(Ok(Delivery::Dora));
            }
            Memory::Dora(sample) => {
                mark_as_stream(&mut parameters);
                return Ok(Err((parameters, output, sample)));
            }
            Memory::Bytes(message) => (Place::Bytes, message),
            Memory::Unplaced(message) => {
                let options = PinnedOptions::default();
                (self.place(&output, message.len(), options)?, message)
            }
        };
        let write = |memory: &mut [u8]| memory.copy_from_slice(&message);
        let metadata = || metadata(timestamp(), parameters);
        let sent = self.send_to(place, &output, message.len(), write, metadata);
        Ok(Ok(sent?))
    }

    fn described(
        &self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        mut parameters: MetadataParameters,
    ) -> Result<MetadataParameters, SendError> {
        describe_shape(shape, &mut parameters);
        if let Some(check) = &self.type_check {
            check.check(output, &element.data_type(), &parameters)?;
        }
        Ok(parameters)
    }

    /// Waits until the consumers of `outputs` have what was sent.
    pub(crate) fn flush(&self, outputs: &[DataId]) {
        self.lock().flush(outputs);
    }

    /// Takes note that the node has closed `outputs`.
    pub(crate) fn forget(&mut self, outputs: &[DataId]) {
        if let Some(declared) = &mut self.declared {
            declared.retain(|output| !outputs.contains(output));
        }
        let mut sending = self.lock();
        for output in outputs {
            sending.pools.close(output);
        }
    }

    /// The most bytes that a message may have anywhere.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.lock().max_bytes()
    }

    /// What has been sent, which way, and why.
    pub fn report(&self) -> Report {
        self.lock().report()
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    pub fn close(self) -> Report {
        let report = self.report();
        self.lock().end();
        report
    }
}

impl Drop for DetachedOutputs {
    fn drop(&mut self) {
        self.lock().end();
    }
}

impl std::fmt::Debug for DetachedOutputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DetachedOutputs")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}

/// The metadata of a message, as dora's own send path makes it.
fn metadata(timestamp: Timestamp, mut parameters: MetadataParameters) -> Metadata {
    parameters.remove(SCHEMA_HASH);
    mark_as_stream(&mut parameters);
    telemetry::inject(&mut parameters);
    Metadata::from_parameters(timestamp, parameters)
}

fn mark_as_stream(parameters: &mut MetadataParameters) {
    let framing = Parameter::String(FRAMING_ARROW_IPC.to_owned());
    parameters.insert(FRAMING.to_owned(), framing);
}
