//! The pinned outputs of a dora node.

use std::{collections::BTreeSet, time::Duration};

use dora_message::{
    MAX_MESSAGE_BYTES,
    id::DataId,
    metadata::{FRAMING, FRAMING_ARROW_IPC, Metadata, MetadataParameters, Parameter, SCHEMA_HASH},
};
use dora_node_api::{DoraNode, IntoArrow, SampleAllocator};

use super::{
    Delivery, ElementType, OutputSlot, PinnedOptions, Report, SendError, Settings, daemon,
    link::Link,
    sending::{Place, Sending},
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
    sending: Sending,
    type_check: Option<TypeCheck>,
    allocator: SampleAllocator,
    /// `None` for an interactive node, which has whatever output is asked for.
    declared: Option<BTreeSet<DataId>>,
}

impl PinnedOutputs {
    /// Pinned outputs for `node`, with the settings that its environment asks for.
    ///
    /// Opens a second zenoh session in this process and a second connection to the daemon, which takes some
    /// milliseconds. Always succeeds; where something is missing, outputs take dora's own path. (A message
    /// beyond the bound of [`Settings::max_bytes`] is an error and no such case.)
    pub fn attach(node: &DoraNode) -> Self {
        Self::attach_with(node, Settings::from_environment())
    }

    /// As [`PinnedOutputs::attach`], with settings of the caller's.
    pub fn attach_with(node: &DoraNode, settings: Settings) -> Self {
        let link = Link::open(node);
        let config = node.node_config();
        let declared = link.is_ok() || !config.outputs.is_empty();
        Self {
            type_check: TypeCheck::from_environment(config),
            allocator: node.sample_allocator(),
            declared: declared.then(|| config.outputs.clone()),
            sending: Sending::new(format!("dora/{}", node.id()), link, settings),
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
        if let Some(Place::Dora) = self.sending.place_beside_the_pool(&output) {
            node.send_output(output, parameters, data)?;
            return Ok(Delivery::Dora);
        }
        if let Some(check) = &self.type_check {
            check.check(&output, data.as_array().data_type(), &parameters)?;
        }
        let stream = ArrowStream::of(data.as_array())?;
        match self.sending.place(&output, stream.bytes(), pinned.into())? {
            Place::Slot(mut slot) => {
                stream.write_to(&mut slot);
                let metadata = metadata(node, parameters);
                self.sending.publish(output, metadata, slot)?;
                Ok(Delivery::Pinned)
            }
            Place::Dora => {
                node.send_output(output, parameters, data)?;
                Ok(Delivery::Dora)
            }
            Place::Daemon => {
                let mut message = daemon::message_of(stream.bytes());
                stream.write_to(&mut message);
                let metadata = metadata(node, parameters);
                self.sending.send_by_daemon(output, metadata, message)?;
                Ok(Delivery::Dora)
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
        let options = PinnedOptions {
            wait,
            drop_when_full: false,
        };
        let memory = match self.sending.place(output, stream.bytes(), options)? {
            Place::Slot(mut slot) => {
                stream.write_to(&mut slot);
                Memory::Pinned(slot)
            }
            beside => {
                self.check_size(output, stream.bytes())?;
                self.memory_beside_the_pool(beside, &stream)?
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
            Memory::Pinned(memory) => {
                let metadata = metadata(node, parameters);
                self.sending.publish(slot.output, metadata, memory)?;
                Ok(Delivery::Pinned)
            }
            Memory::Daemon(message) => {
                let metadata = metadata(node, parameters);
                self.sending
                    .send_by_daemon(slot.output, metadata, message)?;
                Ok(Delivery::Dora)
            }
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
        self.sending.flush(&outputs);
        node.close_outputs(outputs.clone())?;
        if let Some(declared) = &mut self.declared {
            declared.retain(|output| !outputs.contains(output));
        }
        Ok(())
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

    /// Beyond the pools only the machine's memory would be a bound, and running out of that is no error.
    fn check_size(&self, output: &DataId, bytes: usize) -> Result<(), SendError> {
        let max_bytes = self.sending.max_bytes().max(MAX_MESSAGE_BYTES as u64);
        match bytes as u64 > max_bytes {
            false => Ok(()),
            true => Err(SendError::OverBudget {
                output: output.clone(),
                needed_bytes: bytes as u64,
                left_bytes: max_bytes,
                max_bytes,
            }),
        }
    }

    fn memory_beside_the_pool(
        &self,
        place: Place,
        stream: &ArrowStream,
    ) -> Result<Memory, SendError> {
        if let Place::Daemon = place {
            let mut message = daemon::message_of(stream.bytes());
            stream.write_to(&mut message);
            return Ok(Memory::Daemon(message));
        }
        let mut sample = self.allocator.allocate(stream.bytes())?;
        stream.write_to(&mut sample);
        Ok(Memory::Dora(sample))
    }
}

impl Drop for PinnedOutputs {
    fn drop(&mut self) {
        self.sending.end();
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
