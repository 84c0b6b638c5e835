//! The reference that keeps a frame's bytes, and the announcement when it goes.

use std::sync::Arc;

use zenoh::{bytes::ZBytes, shm::ZShm};

use crate::segment::Segment;

/// Received bytes, held.
pub(super) struct HeldBytes {
    bytes: Bytes,
    /// The segment whose producer is told; `None` for bytes of other libraries or outside segments.
    segment: Option<Arc<Segment>>,
}

enum Bytes {
    // `None` only while it is being dropped.
    Shared(Option<ZShm>),
    /// One piece of a payload that came over the network.
    Piece(ZBytes),
    Assembled(Vec<u8>),
}

impl HeldBytes {
    pub(super) fn shared(buffer: ZShm, segment: Option<Arc<Segment>>) -> Self {
        Self {
            bytes: Bytes::Shared(Some(buffer)),
            segment,
        }
    }

    /// A payload outside shared memory; one that came in several pieces is put together.
    pub(super) fn ordinary(payload: &ZBytes) -> Self {
        let bytes = match payload.to_bytes() {
            std::borrow::Cow::Borrowed(_) => Bytes::Piece(payload.clone()),
            std::borrow::Cow::Owned(bytes) => Bytes::Assembled(bytes),
        };
        Self {
            bytes,
            segment: None,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Shared(buffer) => buffer.as_deref().unwrap_or_default(),
            Bytes::Piece(payload) => payload.slices().next().unwrap_or_default(),
            Bytes::Assembled(bytes) => bytes,
        }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if let Bytes::Shared(buffer) = &mut self.bytes {
            // The reference goes first: a producer that is woken looks at the count.
            drop(buffer.take());
            if let Some(segment) = &self.segment {
                segment.announce_release();
            }
        }
    }
}
