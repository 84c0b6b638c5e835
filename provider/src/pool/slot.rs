//! A slot while its producer writes it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use zenoh::{bytes::ZBytes, shm::ZShmMut};

use crate::segment::Segment;

/// A writable piece of a pool's memory: page-aligned, exactly as long as was asked for.
///
/// Fill it and publish [`Slot::into_shm`]. Dropping it instead gives the memory back unsent.
pub struct Slot {
    memory: Option<Memory>,
}

enum Memory {
    Shared {
        buffer: ZShmMut,
        segment: Option<Arc<Segment>>,
    },
    Private(Vec<u8>),
}

impl Slot {
    pub(super) fn shared(buffer: ZShmMut, segment: Option<Arc<Segment>>) -> Self {
        Self {
            memory: Some(Memory::Shared { buffer, segment }),
        }
    }

    pub(super) fn private(len: usize) -> Self {
        Self {
            memory: Some(Memory::Private(vec![0; len])),
        }
    }

    /// Whether the bytes lie in shared memory, so that publishing them copies nothing.
    pub fn is_shared(&self) -> bool {
        matches!(self.memory, Some(Memory::Shared { .. }))
    }

    /// The segment that the slot lies in; `None` for private memory.
    pub(crate) fn segment(&self) -> Option<&Arc<Segment>> {
        match &self.memory {
            Some(Memory::Shared { segment, .. }) => segment.as_ref(),
            _ => None,
        }
    }

    /// The payload to publish: `publisher.put(slot.into_shm())`. It holds the slot, which comes back to
    /// the pool when this and every consumer's reference has been dropped.
    pub fn into_shm(mut self) -> ZBytes {
        match self.memory.take() {
            Some(Memory::Shared { buffer, .. }) => buffer.into(),
            Some(Memory::Private(bytes)) => bytes.into(),
            None => ZBytes::new(),
        }
    }
}

impl Deref for Slot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.memory {
            Some(Memory::Shared { buffer, .. }) => buffer,
            Some(Memory::Private(bytes)) => bytes,
            None => &[],
        }
    }
}

impl DerefMut for Slot {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Some(Memory::Shared { buffer, .. }) => buffer,
            Some(Memory::Private(bytes)) => bytes,
            None => &mut [],
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(Memory::Shared { buffer, segment }) = self.memory.take() {
            drop(buffer);
            if let Some(segment) = segment {
                segment.announce_release();
            }
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Slot")
            .field("bytes", &self.len())
            .field("shared", &self.is_shared())
            .finish()
    }
}
