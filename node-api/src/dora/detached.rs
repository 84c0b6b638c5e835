//! Pinned outputs beside a node that another language's dora API has made.

use std::{collections::BTreeSet, time::Duration};

use arrow::array::ArrayRef;
use dora_message::{
    config::NodeRunConfig,
    id::DataId,
    metadata::{FRAMING, FRAMING_ARROW_IPC, Metadata, MetadataParameters, Parameter, SCHEMA_HASH},
    uhlc::Timestamp,
};
use dora_node_api::DataSample;

use super::{
    Delivery, DoraPathReason, ElementType, OutputSlot, PinnedOptions, Report, SendError, Settings,
    daemon,
    description::NodeDescription,
    link::Link,
    sending::{Place, Sending},
    slot::{Memory, SealedSlot, describe_shape},
    telemetry,
    type_check::TypeCheck,
};
use crate::arrow_stream::ArrowStream;

/// What [`PinnedOutputs`](super::PinnedOutputs) is made of, for bindings to other languages: it has no dora node, so what is
/// to take dora's own path is given back to the caller, whose own `send_output` sends it then.
///
/// Describes the node by the environment that the daemon gave this process. Close it, or drop it, before that
/// node. To be used from one thread at a time.
pub struct DetachedOutputs {
    sending: Sending,
    type_check: Option<TypeCheck>,
    /// `None` where nobody told.
    declared: Option<BTreeSet<DataId>>,
}

/// Memory for elements that are written in place, or where else they are to go.
pub(super) struct Placed {
    pub(super) stream: ArrowStream,
    pub(super) place: Place,
    /// Bytes of the elements.
    pub(super) bytes: usize,
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

    pub(super) fn of(
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
            sending: Sending::new(format!("dora/{id}"), link, settings),
        }
    }

    /// Leaves an output that is about to be used by the caller's own `send_output` to dora.
    ///
    /// # Errors
    /// [`SendError::Pinned`]: its messages go through pinned memory already, and others would overtake them.
    pub fn leave_to_dora(&mut self, output: &DataId) -> Result<(), SendError> {
        self.sending.leave_to_dora(output)
    }

    /// Sends an Arrow array; it is copied once, into a slot. `timestamp` is asked for last, so that the
    /// message's time is later than what preceded it.
    ///
    /// # Errors
    /// [`SendError`]; the message has not been sent unless the variant says so.
    pub fn send(
        &mut self,
        output: &DataId,
        parameters: MetadataParameters,
        array: &ArrayRef,
        options: PinnedOptions,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<Offered, SendError> {
        if let Some(Place::Dora) = self.sending.place_beside_the_pool(output) {
            return Ok(Offered::Refused(parameters));
        }
        if let Some(check) = &self.type_check {
            check.check(output, array.data_type(), &parameters)?;
        }
        let stream = ArrowStream::of(array)?;
        match self.sending.place(output, stream.bytes(), options)? {
            Place::Slot(mut slot) => {
                stream.write_to(&mut slot);
                let metadata = metadata(timestamp(), parameters);
                self.sending.publish(output, metadata, slot.into_shm())?;
                Ok(Offered::Sent(Delivery::Pinned))
            }
            Place::Dora => Ok(Offered::Refused(parameters)),
            Place::Daemon => {
                let mut message = daemon::message_of(stream.bytes());
                stream.write_to(&mut message);
                let metadata = metadata(timestamp(), parameters);
                self.sending.send_by_daemon(output, metadata, message)?;
                Ok(Offered::Sent(Delivery::Dora))
            }
            Place::Nowhere => Ok(Offered::Sent(Delivery::Dropped)),
        }
    }

    /// Memory for an array of `shape` and `element`, to be written in place and sent by
    /// [`DetachedOutputs::send_sealed`]; `None` where the output does not take the pinned path, and an array in
    /// ordinary memory for [`DetachedOutputs::send`] does as well. Waits for a slot up to `wait`.
    ///
    /// # Errors
    /// [`SendError`]: nothing is taken from the pool.
    pub fn alloc(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Duration,
    ) -> Result<Option<OutputSlot>, SendError> {
        let options = PinnedOptions::default().wait_at_most(wait);
        let placed = self.place(output, shape, element, options)?;
        let Place::Slot(slot) = placed.place else {
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
    pub(super) fn place(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        options: PinnedOptions,
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
        let mut place = self.sending.place(output, stream.bytes(), options)?;
        if let Place::Slot(slot) = &mut place {
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
        &mut self,
        parameters: MetadataParameters,
        slot: SealedSlot,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<(), SendError> {
        let (output, shape) = (slot.output.clone(), &slot.shape);
        let parameters = self.described(&output, shape, slot.element, parameters)?;
        let metadata = metadata(timestamp(), parameters);
        self.sending.publish(&output, metadata, slot.into_payload())
    }

    /// As [`DetachedOutputs::send_sealed`], for a slot of any memory; gives back what dora itself has to send.
    pub(super) fn send_slot(
        &mut self,
        parameters: MetadataParameters,
        slot: OutputSlot,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<Result<Delivery, (MetadataParameters, DataId, DataSample)>, SendError> {
        let mut parameters = self.described(&slot.output, &slot.shape, slot.element, parameters)?;
        let output = slot.output;
        match slot.memory {
            Memory::Pinned(memory) => {
                let metadata = metadata(timestamp(), parameters);
                self.sending.publish(&output, metadata, memory.into_shm())?;
                Ok(Ok(Delivery::Pinned))
            }
            Memory::Daemon(message) => {
                let metadata = metadata(timestamp(), parameters);
                self.sending.send_by_daemon(&output, metadata, message)?;
                Ok(Ok(Delivery::Dora))
            }
            Memory::Dora(sample) => {
                mark_as_stream(&mut parameters);
                Ok(Err((parameters, output, sample)))
            }
        }
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
    pub(super) fn flush(&mut self, outputs: &[DataId]) {
        self.sending.flush(outputs);
    }

    /// Takes note that the node has closed `outputs`.
    pub(super) fn forget(&mut self, outputs: &[DataId]) {
        if let Some(declared) = &mut self.declared {
            declared.retain(|output| !outputs.contains(output));
        }
    }

    /// The most bytes that a message may have anywhere.
    pub(super) fn max_bytes(&self) -> u64 {
        self.sending.max_bytes()
    }

    /// What has been sent, which way, and why.
    pub fn report(&self) -> Report {
        self.sending.report()
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    pub fn close(mut self) -> Report {
        let report = self.report();
        self.sending.end();
        report
    }
}

impl Drop for DetachedOutputs {
    fn drop(&mut self) {
        self.sending.end();
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
