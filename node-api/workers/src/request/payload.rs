//! What a request or an answer carries.

use std::{
    ops::{Deref, Range},
    sync::Arc,
};

use zenoh_pinned::{
    Frame, FrameError, Pinner, Slot,
    bindings::{KeptPayload, descriptor::Descriptor},
};
use zenoh_pinned_node::pubsub::ReceivedFrame;

/// Bytes of a request or an answer: a frame, a slot that was written, or ordinary memory. Cloning it copies nothing.
/// Usable from any thread.
///
/// What lies in shared memory goes to another process as it is; ordinary memory is copied once, short bytes into the
/// message, longer ones into a slot.
///
/// ```
/// use zenoh_pinned_workers::Payload;
///
/// let payload = Payload::from(vec![1, 2, 3]);
/// assert_eq!((&payload[..], payload.is_shared()), (&[1, 2, 3][..], false));
/// ```
#[derive(Clone)]
pub struct Payload {
    held: Arc<Held>,
    attachment: Option<Arc<[u8]>>,
    /// Whether it lies in a slot that whoever receives it has lent, and keeps.
    is_of_receiver: bool,
}

enum Held {
    Frame(Frame),
    Kept(KeptPayload, zenoh::bytes::ZBytes),
    /// A piece of a message.
    Piece(Arc<[u8]>, Range<usize>),
    Bytes(Vec<u8>),
}

impl Payload {
    fn of(held: Held) -> Self {
        Self {
            held: Arc::new(held),
            attachment: None,
            is_of_receiver: false,
        }
    }

    /// A frame in a slot that whoever receives it has lent.
    pub(crate) fn in_lent_slot(frame: Frame) -> Self {
        Self {
            is_of_receiver: true,
            ..Self::of(Held::Frame(frame))
        }
    }

    pub(crate) fn is_of_receiver(&self) -> bool {
        self.is_of_receiver
    }

    /// The same with a few bytes beside it, for whoever is answered with it: at most 1024, for instance a checksum. A request
    /// has its own ([`Request::attachment`](crate::Request::attachment)).
    ///
    /// ```
    /// use zenoh_pinned_workers::Payload;
    ///
    /// let answer = Payload::from("a text").attach(7_u32.to_le_bytes());
    /// assert_eq!(answer.attachment(), [7, 0, 0, 0]);
    /// ```
    #[must_use]
    pub fn attach(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Vec<u8> = bytes.into();
        self.attachment = (!bytes.is_empty()).then(|| bytes.into());
        self
    }

    /// What an answer has beside it; nothing for most.
    pub fn attachment(&self) -> &[u8] {
        self.attachment.as_deref().unwrap_or_default()
    }

    /// These bytes, which stand in for others, with what those have beside them.
    pub(crate) fn in_place_of(mut self, other: &Self) -> Self {
        self.attachment.clone_from(&other.attachment);
        self
    }

    /// A piece of a message that was received; none where it reaches beyond it.
    pub(crate) fn piece(message: &Arc<[u8]>, range: Range<usize>) -> Self {
        Self::of(Held::Piece(message.clone(), range))
    }

    /// Whether it lies in shared memory.
    pub fn is_shared(&self) -> bool {
        match &*self.held {
            Held::Frame(frame) => frame.is_shared(),
            Held::Kept(kept, _) => kept.payload().as_shm().is_some(),
            Held::Piece(..) | Held::Bytes(_) => false,
        }
    }

    /// The frame, if it is one: with its way to a device.
    pub fn frame(&self) -> Option<&Frame> {
        match &*self.held {
            Held::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    /// As a frame for `pinner`'s device, whatever it is. Nothing is copied.
    ///
    /// # Errors
    /// As [`Frame::from_owner`].
    ///
    /// ```
    /// # use zenoh_pinned_workers::Payload;
    /// use zenoh_pinned::Pinner;
    ///
    /// let frame = Payload::from(vec![1, 2, 3]).into_frame(&Pinner::host_only())?;
    /// assert_eq!(&frame[..], [1, 2, 3]);
    /// # Ok::<(), zenoh_pinned::FrameError>(())
    /// ```
    pub fn into_frame(self, pinner: &Pinner) -> Result<Frame, FrameError> {
        match &*self.held {
            Held::Frame(frame) => frame.for_pinner(pinner),
            Held::Kept(kept, _) => Frame::from_payload(&kept.payload(), pinner),
            Held::Piece(..) | Held::Bytes(_) => Frame::from_owner(self, pinner),
        }
    }

    /// What names it to another process of this host; `None` where its bytes have to be copied.
    pub(crate) fn descriptor(&self) -> Option<Descriptor> {
        match &*self.held {
            Held::Frame(frame) => Descriptor::of_frame(frame),
            Held::Kept(kept, _) => Descriptor::of(&kept.payload()),
            Held::Piece(..) | Held::Bytes(_) => None,
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.held {
            Held::Frame(frame) => frame,
            Held::Kept(_, payload) => payload.slices().next().unwrap_or_default(),
            Held::Piece(message, range) => message.get(range.clone()).unwrap_or_default(),
            Held::Bytes(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Frame> for Payload {
    fn from(frame: Frame) -> Self {
        Self::of(Held::Frame(frame))
    }
}

impl From<ReceivedFrame> for Payload {
    fn from(received: ReceivedFrame) -> Self {
        received.frame.into()
    }
}

impl From<Slot> for Payload {
    fn from(slot: Slot) -> Self {
        let kept = slot.into_kept();
        let payload = kept.payload();
        Self::of(Held::Kept(kept, payload))
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(Held::Bytes(bytes))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<[u8; N]> for Payload {
    fn from(bytes: [u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Payload")
            .field("bytes", &self.len())
            .field("shared", &self.is_shared())
            .finish()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}
