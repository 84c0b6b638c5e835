//! Arrays that exist already: copied once, to their message's destination, and sent.

use arrow::array::ArrayRef;
use dora_message::{
    id::DataId,
    metadata::{Metadata, MetadataParameters},
    uhlc::Timestamp,
};

use super::{DetachedOutputs, Offered};
use crate::{
    arrow_stream::ArrowStream,
    dora::{
        Delivery, PinnedOptions, SendError, link::daemon::message_of, message::metadata,
        sending::placing::Destination,
    },
};

impl DetachedOutputs {
    /// Sends an Arrow array; it is copied once, into a slot. `timestamp` is asked for last, so that the
    /// message's time is later than what preceded it.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent unless the variant says so.
    pub fn send(
        &self,
        output: &DataId,
        parameters: MetadataParameters,
        array: &ArrayRef,
        options: PinnedOptions,
        timestamp: impl FnOnce() -> Timestamp,
    ) -> Result<Offered, SendError> {
        if let Some(Destination::Dora) = self.lock().beside_the_pool(output) {
            return Ok(Offered::Refused(parameters));
        }
        if let Some(check) = &self.type_check {
            check.check(output, array.data_type(), &parameters)?;
        }
        let stream = ArrowStream::of(array)?;
        let destination = self.destination(output, stream.bytes(), options)?;
        if let Destination::Dora = destination {
            return Ok(Offered::Refused(parameters));
        }
        let write = |memory: &mut [u8]| stream.write_to(memory);
        let metadata = || metadata(timestamp(), parameters);
        let sent = self.send_to(destination, output, stream.bytes(), write, metadata);
        sent.map(Offered::Sent)
    }

    /// Writes a message to its destination, and sends it.
    pub(super) fn send_to(
        &self,
        destination: Destination,
        output: &DataId,
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
        metadata: impl FnOnce() -> Metadata,
    ) -> Result<Delivery, SendError> {
        match destination {
            Destination::Slot(mut slot) => {
                write(&mut slot);
                self.lock().publish(output, metadata(), slot.into_shm())?;
                Ok(Delivery::Pinned)
            }
            Destination::Bytes => {
                let mut message = vec![0; bytes];
                write(&mut message);
                self.lock().publish_bytes(output, metadata(), message)?;
                Ok(Delivery::Bytes)
            }
            Destination::Daemon => {
                let mut message = message_of(bytes);
                write(&mut message);
                self.lock().send_by_daemon(output, metadata(), message)?;
                Ok(Delivery::Dora)
            }
            Destination::Nowhere => Ok(Delivery::Dropped),
            Destination::Dora => Err(SendError::Publish {
                output: output.clone(),
                detail: String::from("these outputs are closed"),
            }),
        }
    }
}
