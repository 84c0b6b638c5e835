//! Messages that are written in place.

use std::time::Duration;

use dora_message::{id::DataId, metadata::MetadataParameters, uhlc::Timestamp};
use dora_node_api::DataSample;
use zenoh_pinned::AllocError;

use super::{DetachedOutputs, waiting::Found};
use crate::{
    arrow_stream::ArrowStream,
    dora::{
        Delivery, ElementType, OutputSlot, PinnedOptions, SendError,
        message::{mark_as_stream, metadata},
        sending::placing::Destination,
        slot::{Memory, SealedSlot, describe_shape},
    },
};

/// A message that is to be written in place, and where. A slot has the stream around the elements already.
pub(crate) struct Placed {
    pub(crate) stream: ArrowStream,
    /// `None` where every slot is in use.
    pub(crate) destination: Option<Destination>,
    /// Bytes of the elements.
    pub(crate) bytes: usize,
}

/// What became of a message that was written in place.
pub(crate) enum SlotSent {
    Sent(Delivery),
    /// It lies in dora's memory, and dora has to send it.
    ByDora {
        parameters: MetadataParameters,
        output: DataId,
        sample: DataSample,
    },
}

impl DetachedOutputs {
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
        // A slot that was found goes back to its pool; where there is none, there is a pool all the same.
        self.lock().attempt(output, stream.bytes()).map(drop)
    }

    /// Memory for an array of `shape` and `element`, to be written in place and sent by
    /// [`DetachedOutputs::send_sealed`]. Waits for a slot up to `wait`. `None` where the message does not go through a
    /// slot, and without a wait also where every slot is in use: an array in ordinary memory for
    /// [`DetachedOutputs::send`] does as well then.
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
        let Some(Destination::Slot(slot)) = placed.destination else {
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

    /// Finds the destination of elements that are to be written in place.
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
        let mut destination = match wait {
            Some(wait) => {
                let options = options.wait_at_most(wait);
                Some(self.destination(output, stream.bytes(), options)?)
            }
            None => match self.find_destination(output, stream.bytes(), options)? {
                Found::Ready(destination) => Some(destination),
                Found::Full {
                    source: AllocError::TimedOut { .. },
                    ..
                } => None,
                Found::Full { source, waited } => {
                    return Err(SendError::Full {
                        output: output.clone(),
                        waited,
                        source,
                    });
                }
            },
        };
        if let Some(Destination::Slot(slot)) = &mut destination {
            stream.write_to(slot);
        }
        Ok(Placed {
            bytes: count * element.bytes(),
            stream,
            destination,
        })
    }

    /// Sends what was written in place.
    ///
    /// A shape of more than one dimension is added to the parameters as `shape`, where there is none.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent unless the variant says so.
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
    ) -> Result<SlotSent, SendError> {
        let mut parameters = self.described(&slot.output, &slot.shape, slot.element, parameters)?;
        let output = slot.output;
        let (destination, message) = match slot.memory {
            Memory::Pinned(memory) => {
                let metadata = metadata(timestamp(), parameters);
                self.lock().publish(&output, metadata, memory.into_shm())?;
                return Ok(SlotSent::Sent(Delivery::Pinned));
            }
            Memory::Daemon(message) => {
                let metadata = metadata(timestamp(), parameters);
                self.lock().send_by_daemon(&output, metadata, message)?;
                return Ok(SlotSent::Sent(Delivery::Dora));
            }
            Memory::Dora(sample) => {
                mark_as_stream(&mut parameters);
                return Ok(SlotSent::ByDora {
                    parameters,
                    output,
                    sample,
                });
            }
            Memory::Bytes(message) => (Destination::Bytes, message),
            Memory::Unplaced(message) => {
                let options = PinnedOptions::default();
                let destination = self.destination(&output, message.len(), options)?;
                (destination, message)
            }
        };
        let write = |memory: &mut [u8]| memory.copy_from_slice(&message);
        let metadata = || metadata(timestamp(), parameters);
        let sent = self.send_to(destination, &output, message.len(), write, metadata);
        sent.map(SlotSent::Sent)
    }

    /// The parameters with the shape; checks the type of the elements.
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
}
