//! The pinned outputs of a dora node.

use std::time::Duration;

use dora_message::{MAX_MESSAGE_BYTES, id::DataId, metadata::MetadataParameters};
use dora_node_api::{DoraNode, IntoArrow, SampleAllocator};

use super::{
    Delivery, ElementType, OutputSlot, PinnedOptions, Report, SendError, Settings,
    detached::{DetachedOutputs, Offered, Placed, SlotSent},
    link::{daemon, description::NodeDescription},
    sending::placing::Destination,
    slot::Memory,
};

/// Sends a node's messages through pinned shared memory where all consumers of the output can receive it, and through
/// dora's own `send_output` where not.
///
/// An output's path is settled by its first message, and stays: by then the size of the pool is
/// known, and whether each consumer can attach it. [`PinnedOutputs::report`] says which path it is and why. Unmodified
/// consumers receive ordinary inputs.
///
/// Close it, or let it go out of scope, before the node: dora tells consumers that an input has closed when the
/// *node* goes, and what this has sent must be there by then. Declared after the node, as in the examples here, it goes
/// first.
///
/// Needs the node for its clock, its declared outputs and its own path; use it from one thread.
///
/// ```no_run
/// use dora_node_api::{DoraNode, dora_core::config::DataId};
/// use zenoh_pinned_node::dora::{ElementType, PinnedOutputs};
///
/// let (mut node, _events) = DoraNode::init_from_env()?;
/// let mut outputs = PinnedOutputs::attach(&node);
/// let image = DataId::from(String::from("image"));
///
/// let mut slot = outputs.alloc(&image, &[480, 640, 3], ElementType::Uint8)?;
/// slot.fill(255); // or let the camera write here
/// outputs.send(&mut node, Default::default(), slot)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PinnedOutputs {
    outputs: DetachedOutputs,
    allocator: SampleAllocator,
}

impl PinnedOutputs {
    /// Pinned outputs for `node`, with the settings that its environment asks for.
    ///
    /// Opens a second zenoh session in this process and a second connection to the daemon, which takes some
    /// milliseconds. Always succeeds; where something is missing, outputs take dora's own path. (A message
    /// beyond the bound of [`Settings::max_bytes`] is an error all the same.)
    ///
    /// ```no_run
    /// use zenoh_pinned_node::dora::PinnedOutputs;
    ///
    /// let (node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// let outputs = PinnedOutputs::attach(&node);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(node: &DoraNode) -> Self {
        Self::attach_with(node, Settings::from_environment())
    }

    /// As [`PinnedOutputs::attach`], with the caller's settings.
    ///
    /// ```no_run
    /// use zenoh_pinned_node::dora::{PinnedOutputs, Settings};
    ///
    /// let (node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// let mut settings = Settings::from_environment();
    /// settings.slots = Some(4);
    /// let outputs = PinnedOutputs::attach_with(&node, settings);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach_with(node: &DoraNode, settings: Settings) -> Self {
        let description = NodeDescription::from_environment(dora_message::VERSION);
        let description = description.and_then(|found| found.of(*node.dataflow_id(), node.id()));
        let config = node.node_config();
        Self {
            outputs: DetachedOutputs::of(node.id().as_ref(), description, Some(config), settings),
            allocator: node.sample_allocator(),
        }
    }

    /// Sends an Arrow array, or anything that dora can make one of; it is copied once, into a slot.
    ///
    /// Does all that dora's `send_output` does. While consumers hold every slot the message is dropped and
    /// counted ([`Delivery::Dropped`]), as a dora input drops what is not read in time; with
    /// [`Pinned::wait_at_most`](super::Pinned::wait_at_most) this waits for a slot instead. The first message of an
    /// output also waits for its consumers to attach the pool, usually some tens of milliseconds.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent unless the variant says so.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// use zenoh_pinned_node::dora::{Delivery, Pinned};
    ///
    /// let pixels = vec![0u8; 640 * 480];
    /// let sent = outputs.send_output(&mut node, image, Default::default(), pixels, Pinned)?;
    /// if sent == Delivery::Dropped {
    ///     println!("the consumers are too slow");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// bytes. Otherwise the first message waits for that, and each later one that is larger than all before it: some
    /// tens of milliseconds, as each consumer has to attach the pool.
    ///
    /// `pinned` is what the messages will be sent with.
    ///
    /// # Errors
    /// [`SendError`], as of a message of that size.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// outputs.prepare(&image, 640 * 480, zenoh_pinned_node::dora::Pinned)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// memory: [`PinnedOutputs::send`] copies it into a slot if one has come free, and else drops the message.
    ///
    /// # Errors
    /// [`SendError`]: nothing is taken from the pool.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// use zenoh_pinned_node::dora::ElementType;
    ///
    /// let mut depth = outputs.alloc(&image, &[480, 640], ElementType::Uint16)?;
    /// depth.fill(0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// use std::time::Duration;
    /// use zenoh_pinned_node::dora::{ElementType, SendError};
    ///
    /// match outputs.alloc_timeout(&image, &[640], ElementType::Uint8, Duration::from_secs(1)) {
    ///     Err(SendError::Full { waited, .. }) => println!("no slot within {waited:?}"),
    ///     slot => drop(slot?),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
            destination,
            bytes,
        } = self.outputs.place_in(output, shape, element, wait)?;
        let ordinary = || {
            let mut message = daemon::message_of(stream.bytes());
            stream.write_to(&mut message);
            message
        };
        let memory = match destination {
            Some(Destination::Slot(slot)) => Memory::Pinned(slot),
            Some(Destination::Bytes) => Memory::Bytes(ordinary()),
            None | Some(Destination::Nowhere) => Memory::Unplaced(ordinary()),
            Some(Destination::Daemon) => {
                self.check_size(output, stream.bytes())?;
                Memory::Daemon(ordinary())
            }
            Some(Destination::Dora) => {
                self.check_size(output, stream.bytes())?;
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
            elements: first..first + bytes,
        })
    }

    /// Sends what was written in place. A shape of more than one dimension is added to the parameters as
    /// `shape`, where there is none.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent unless the variant says so.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// let slot = outputs.alloc(&image, &[640], zenoh_pinned_node::dora::ElementType::Uint8)?;
    /// outputs.send(&mut node, Default::default(), slot)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
            SlotSent::Sent(delivery) => Ok(delivery),
            SlotSent::ByDora {
                parameters,
                output,
                sample,
            } => {
                node.send_output_sample(output, parameters, Some(sample))?;
                Ok(Delivery::Dora)
            }
        }
    }

    /// Closes outputs early, as `DoraNode::close_outputs` does, but after their consumers have what was sent.
    ///
    /// # Errors
    /// As dora's own: an output that the node does not have, and then none is closed.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// outputs.close_outputs(&mut node, vec![image])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// What was sent, which way, and why.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// use zenoh_pinned_node::dora::OutputPath;
    ///
    /// for output in outputs.report().outputs {
    ///     if let OutputPath::Dora(reason) = output.path {
    ///         println!("{} is not pinned: {reason}", output.output);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(&self) -> Report {
        self.outputs.report()
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    ///
    /// ```no_run
    /// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
    /// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
    /// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
    /// let report = outputs.close();
    /// println!("{} pools", report.pools.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(self) -> Report {
        self.outputs.close()
    }

    /// Bounds messages beside the pools too: running out of the machine's memory is no error that a caller could handle.
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
}

impl std::fmt::Debug for PinnedOutputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PinnedOutputs")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
