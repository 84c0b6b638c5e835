//! The reference that keeps a frame's bytes, and the announcement when it goes.

use std::sync::Arc;

use zenoh::{bytes::ZBytes, shm::ZShm};

use super::{FrameError, owned::OwnedBytes};
use crate::{
    availability,
    os::{
        mappings::{FileMappings, Placement},
        per_process::MadeHere,
    },
    segment::{
        Segment,
        uses::{Noted, Use},
    },
};

/// Received bytes, held.
pub(super) struct HeldBytes {
    bytes: Bytes,
    /// The segment whose producer is told; `None` for bytes of other libraries or outside segments.
    segment: Option<Arc<Segment>>,
    _reading: Option<Noted>,
    made_here: MadeHere,
}

/// Where in a segment they lie.
pub(super) struct Place {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: usize,
}

enum Bytes {
    // `None` only while it is being dropped.
    Shared(Option<ZShm>),
    /// One piece of a payload that came over the network.
    Piece(ZBytes),
    Assembled(Vec<u8>),
    // `None` only while it is being dropped.
    Owned(Option<OwnedBytes>),
}

impl HeldBytes {
    fn of(bytes: Bytes, place: Option<Place>) -> Self {
        Self {
            bytes,
            _reading: place
                .as_ref()
                .and_then(|place| place.segment.note_use(place.offset, Use::Reading)),
            segment: place.map(|place| place.segment),
            made_here: MadeHere::now(),
        }
    }

    pub(super) fn shared(buffer: ZShm, place: Option<Place>) -> Self {
        Self::of(Bytes::Shared(Some(buffer)), place)
    }

    pub(super) fn owned(owned: OwnedBytes, place: Option<Place>) -> Self {
        Self::of(Bytes::Owned(Some(owned)), place)
    }

    pub(super) fn private(bytes: Vec<u8>) -> Self {
        Self::of(Bytes::Assembled(bytes), None)
    }

    /// A payload outside shared memory; one that came in several pieces is put together.
    pub(super) fn ordinary(payload: &ZBytes) -> Result<Self, FrameError> {
        if payload.slices().nth(1).is_some() && availability::without_shared_memory().is_none() {
            // Some of several pieces may be buffers in shared memory, whose length nobody has checked.
            let mappings = FileMappings::now();
            let mappings = mappings.map_err(FrameError::unverifiable)?;
            let check = |piece| check_piece(piece, &mappings);
            payload.slices().try_for_each(check)?;
        }
        let bytes = match payload.to_bytes() {
            std::borrow::Cow::Borrowed(_) => Bytes::Piece(payload.clone()),
            std::borrow::Cow::Owned(bytes) => Bytes::Assembled(bytes),
        };
        Ok(Self::of(bytes, None))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Shared(buffer) => buffer.as_deref().unwrap_or_default(),
            Bytes::Piece(payload) => payload.slices().next().unwrap_or_default(),
            Bytes::Assembled(bytes) => bytes,
            Bytes::Owned(owned) => owned.as_ref().map(OwnedBytes::bytes).unwrap_or_default(),
        }
    }
}

impl HeldBytes {
    /// Another reference to the buffer that the bytes came in, if they did.
    pub(super) fn buffer(&self) -> Option<ZShm> {
        match &self.bytes {
            // In a forked child the count is the parent's.
            Bytes::Shared(buffer) if self.made_here.holds() => buffer.clone(),
            _ => None,
        }
    }
}

/// As [`check_piece`], for bytes that are no piece of a payload.
pub(super) fn check_extent(bytes: &[u8]) -> Result<(), FrameError> {
    let mappings = FileMappings::now().map_err(FrameError::unverifiable)?;
    check_piece(bytes, &mappings)
}

/// A piece that begins in a mapped file has to end there; what zenoh received itself is in no file.
fn check_piece(piece: &[u8], mappings: &FileMappings) -> Result<(), FrameError> {
    match mappings.placement_of(piece.as_ptr() as usize, piece.len()) {
        Placement::Beyond => Err(FrameError::OutsideSegment { bytes: piece.len() }),
        Placement::Inside { .. } | Placement::NoFile => Ok(()),
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        let reference = match &mut self.bytes {
            Bytes::Shared(buffer) => (buffer.take(), None),
            Bytes::Owned(owned) => (None, owned.take()),
            Bytes::Piece(_) | Bytes::Assembled(_) => return,
        };
        // The reference goes first: a producer that is woken looks at the count. In a forked child it is
        // the parent's.
        if !self.made_here.holds() {
            std::mem::forget(reference);
            return;
        }
        drop(reference);
        if let Some(segment) = &self.segment {
            segment.announce_release();
        }
    }
}
