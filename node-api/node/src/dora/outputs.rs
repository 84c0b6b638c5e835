//! The pinned outputs of a dora node.

use std::time::Duration;

use dora_message::{MAX_MESSAGE_BYTES, id::DataId, metadata::MetadataParameters};
use dora_node_api::{DoraNode, IntoArrow, SampleAllocator};

use super::{
    Delivery, ElementType, OutputSlot, PinnedOptions, Report, SendError, Settings,
    detached::{DetachedOutputs, Offered, Placed},
    link::{daemon, description::NodeDescription},
    sending::state::Place,
    slot::Memory,
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
    outputs: DetachedOutputs,
    allocator: SampleAllocator,
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
        let description = NodeDescription::from_environment(dora_message::VERSION);
        let description = description.and_then(|found| found.of(*node.dataflow_id(), node.id()));
        let config = node.node_config();
        Self {
            outputs: DetachedOutputs::of(node.id().as_ref(), description, Some(config), settings),
            allocator: node.sample_allocator(),
        }
    }

    /// Sends an Arrow array, or anything that dora makes one of; it is copied once, into a slot.
    ///
    /// Does all that dora's `send_output` does. While consumers hold every slot the message is dropped and
    /// counted ([`Delivery::Dropped`]), as a dora input drops what is not read in time; with
    /// [`Pinned::wait_at_most`](super::Pinned::wait_at_most) this waits for a slot instead. The first message of an
    /// output also waits for its consumers to attach the pool, usually some tens of milliseconds.
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
        let timestamp = || node.timestamp();
        let sent = self.outputs.send(
            &output,
            parameters,
            data.as_array(),
            pinned.into(),
            timestamp,
        )?;
        match sent {
            Offered::Sent(delivery) => Ok(delivery),
            Offered::Refused(parameters) => {
                node.send_output(output, parameters, data)?;
                Ok(Delivery::Dora)
            }
        }
    }

    /// Settles the path of an output and makes its pool in advance, for messages whose elements need up to `bytes`
    /// bytes. Otherwise the first message does, and the first one that is larger than those before it: that
    /// takes some tens of milliseconds, as each consumer has to attach the pool.
    ///
    /// `pinned` is what the messages will be sent with.
    ///
    /// # Errors
    /// [`SendError`], as of a message of that size.
    pub fn prepare(
        &mut self,
        output: &DataId,
        bytes: usize,
        pinned: impl Into<PinnedOptions>,
    ) -> Result<(), SendError> {
        self.outputs.prepare(output, bytes, pinned.into())
    }

    /// Memory for an array of `shape` and `element`, to be written in place and sent by
    /// [`PinnedOutputs::send`]: no copy is made on the pinned path. While consumers hold every slot it is ordinary
    /// memory, and the message is copied into a slot that has come free until it is sent, or dropped.
    ///
    /// # Errors
    /// [`SendError`]: nothing is taken from the pool.
    pub fn alloc(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
    ) -> Result<OutputSlot, SendError> {
        self.alloc_at(output, shape, element, None)
    }

    /// As [`PinnedOutputs::alloc`], waiting up to `wait` for a slot.
    ///
    /// # Errors
    /// As [`PinnedOutputs::alloc`], and [`SendError::Full`] where no slot came free in time.
    pub fn alloc_timeout(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Duration,
    ) -> Result<OutputSlot, SendError> {
        self.alloc_at(output, shape, element, Some(wait))
    }

    fn alloc_at(
        &mut self,
        output: &DataId,
        shape: &[usize],
        element: ElementType,
        wait: Option<Duration>,
    ) -> Result<OutputSlot, SendError> {
        let Placed {
            stream,
            place,
            bytes,
        } = self.outputs.place_in(output, shape, element, wait)?;
        let ordinary = || {
            let mut message = daemon::message_of(stream.bytes());
            stream.write_to(&mut message);
            message
        };
        let memory = match place {
            Some(Place::Slot(slot)) => Memory::Pinned(slot),
            Some(Place::Bytes) => Memory::Bytes(ordinary()),
            None | Some(Place::Nowhere) => Memory::Unplaced(ordinary()),
            Some(beside) => {
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
            elements: first..first + bytes,
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
        parameters: MetadataParameters,
        slot: OutputSlot,
    ) -> Result<Delivery, SendError> {
        if !node.validate_output(&slot.output) {
            return Ok(Delivery::Ignored);
        }
        let timestamp = || node.timestamp();
        match self.outputs.send_slot(parameters, slot, timestamp)? {
            Ok(delivery) => Ok(delivery),
            Err((parameters, output, sample)) => {
                node.send_output_sample(output, parameters, Some(sample))?;
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
        self.outputs.flush(&outputs);
        node.close_outputs(outputs.clone())?;
        self.outputs.forget(&outputs);
        Ok(())
    }

    /// What has been sent, which way, and why.
    pub fn report(&self) -> Report {
        self.outputs.report()
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    pub fn close(self) -> Report {
        self.outputs.close()
    }

    /// Beyond the pools only the machine's memory would be a bound, and running out of that is no error.
    fn check_size(&self, output: &DataId, bytes: usize) -> Result<(), SendError> {
        let max_bytes = self.outputs.max_bytes().max(MAX_MESSAGE_BYTES as u64);
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

impl std::fmt::Debug for PinnedOutputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PinnedOutputs")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
