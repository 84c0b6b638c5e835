//! Frames by descriptors that somebody has written into a message of his own, for instance many of them into one.
//!
//! As in a lane: the sender keeps a reference of his own until he knows that the receiver has taken one, because a
//! descriptor alone holds nothing. Bytes of a descriptor come from another process; any are valid here, and give a frame,
//! or an error.

use super::{
    descriptor::{Reader, Unreadable},
    entry::Descriptor,
};
use crate::{
    client::shm_clients,
    frame::{Frame, FrameError},
    pinner::Pinner,
};

impl Descriptor {
    /// How many bytes it has in a message.
    pub const BYTES: usize = 16;

    /// Of a frame that is one whole buffer in shared memory; `None` for any other. Keep the frame until whoever is told
    /// has read it.
    pub fn of_frame(frame: &Frame) -> Option<Self> {
        Self::of(&frame.shared_payload()?)
    }

    /// As it stands in a message, little-endian.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let header = u64::from(self.metadata) << 48
            | u64::from(self.index) << 32
            | u64::from(self.generation);
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[8..].copy_from_slice(&header.to_le_bytes());
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave, or whatever somebody has written there.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let number = u128::from_le_bytes(bytes);
        let header = (number >> 64) as u64;
        Self {
            bytes: number as u64,
            metadata: (header >> 48) as u16,
            index: (header >> 32) as u16,
            generation: header as u32,
        }
    }

    /// Of the frame's first `bytes` bytes; `None` for none of them, and for more than there are.
    pub fn of_first(self, bytes: u64) -> Option<Self> {
        (1..=self.bytes)
            .contains(&bytes)
            .then_some(Self { bytes, ..self })
    }

    /// The frame's length, as the descriptor says.
    pub fn frame_bytes(self) -> u64 {
        self.bytes
    }
}

/// Turns descriptors into frames for one pinner's device. Usable from any thread.
#[derive(Debug)]
pub struct DescriptorReader {
    reader: Reader,
    pinner: Pinner,
}

impl DescriptorReader {
    /// Frames go to `pinner`'s device.
    pub fn new(pinner: &Pinner) -> Self {
        Self {
            reader: Reader::new(shm_clients(pinner)),
            pinner: pinner.clone(),
        }
    }

    /// The frame, with a reference of this process. Its sender has to keep it until this returns.
    ///
    /// # Errors
    /// [`FrameError::Invalidated`]: the sender did not keep it, or the descriptor is no honest one.
    /// [`FrameError::NotAttached`]: its memory is not to be had here, for instance on another host. Otherwise as
    /// [`Frame::from_payload`].
    pub fn read(&self, descriptor: Descriptor) -> Result<Frame, FrameError> {
        let buffer = self.reader.read(descriptor).map_err(|error| match error {
            Unreadable::Gone | Unreadable::Nonsense => FrameError::Invalidated,
            Unreadable::NotAttached(detail) => FrameError::NotAttached { detail },
        })?;
        Frame::from_buffer(buffer, &self.pinner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_in_a_message_reads_back() {
        let descriptor = Descriptor {
            bytes: 8_294_400,
            metadata: 0xabcd,
            index: 7,
            generation: 0xffff_fffe,
        };
        assert_eq!(Descriptor::from_bytes(descriptor.to_bytes()), descriptor);
    }

    #[test]
    fn an_unknown_metadata_segment_is_an_error() {
        let reader = DescriptorReader::new(&Pinner::host_only());
        for bytes in [[0; 16], [1; 16], [255; 16]] {
            assert!(reader.read(Descriptor::from_bytes(bytes)).is_err());
        }
    }
}
