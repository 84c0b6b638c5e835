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
    /// `place` is the segment that they lie in and the offset in it.
    pub(super) fn shared(buffer: ZShm, place: Option<(Arc<Segment>, usize)>) -> Self {
        Self {
            bytes: Bytes::Shared(Some(buffer)),
            _reading: reading(&place),
            segment: place.map(|(segment, _)| segment),
            made_here: MadeHere::now(),
        }
    }

    pub(super) fn owned(owned: OwnedBytes, place: Option<(Arc<Segment>, usize)>) -> Self {
        Self {
            bytes: Bytes::Owned(Some(owned)),
            _reading: reading(&place),
            segment: place.map(|(segment, _)| segment),
            made_here: MadeHere::now(),
        }
    }

    /// A payload outside shared memory; one that came in several pieces is put together.
    pub(super) fn ordinary(payload: &ZBytes) -> Result<Self, FrameError> {
        if payload.slices().nth(1).is_some() && availability::without_shared_memory().is_none() {
            // Some of several pieces may be buffers in shared memory, whose length nobody has checked.
            let mappings = FileMappings::now();
            let mappings = mappings.map_err(|error| FrameError::Unverifiable { error })?;
            let check = |piece| check_piece(piece, &mappings);
            payload.slices().try_for_each(check)?;
        }
        let bytes = match payload.to_bytes() {
            std::borrow::Cow::Borrowed(_) => Bytes::Piece(payload.clone()),
            std::borrow::Cow::Owned(bytes) => Bytes::Assembled(bytes),
        };
        Ok(Self {
            bytes,
            segment: None,
            _reading: None,
            made_here: MadeHere::now(),
        })
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

fn reading(place: &Option<(Arc<Segment>, usize)>) -> Option<Noted> {
    let (segment, offset) = place.as_ref()?;
    segment.note_use(*offset, Use::Reading)
}

/// As [`check_piece`], for bytes that are no piece of a payload.
pub(super) fn check_extent(bytes: &[u8]) -> Result<(), FrameError> {
    let mappings = FileMappings::now().map_err(|error| FrameError::Unverifiable { error })?;
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
        let reference: Box<dyn std::any::Any> = match &mut self.bytes {
            Bytes::Shared(buffer) => Box::new(buffer.take()),
            Bytes::Owned(owned) => Box::new(owned.take()),
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
