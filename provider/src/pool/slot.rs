//! A slot while its producer writes it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use zenoh::{bytes::ZBytes, shm::ZShmMut};

use super::{PinnedPool, ending};
use crate::{
    os::per_process::MadeHere,
    segment::{
        Segment,
        uses::{Noted, Use},
    },
};

/// A writable piece of a pool's memory: page-aligned, exactly as long as was asked for.
///
/// Fill it and publish [`Slot::into_shm`]. Dropping it instead gives the memory back unsent.
///
/// ```
/// # use zenoh_pinned::PinnedPool;
/// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
/// let mut slot = pool.alloc(3)?;
/// slot.copy_from_slice(b"abc"); // a slice of bytes, written in place
/// let payload = slot.into_shm(); // for `publisher.put(payload)`
/// assert_eq!(payload.to_bytes().as_ref(), b"abc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Slot {
    memory: Option<Memory>,
}

enum Memory {
    Shared {
        buffer: ZShmMut,
        segment: Arc<Segment>,
        _writing: Option<Noted>,
        // Keeps the provider, which knows the chunk.
        pool: PinnedPool,
        made_here: MadeHere,
    },
    Private(Vec<u8>),
}

impl Slot {
    /// The slot at `offset` of a segment of the pool.
    pub(super) fn shared(
        buffer: ZShmMut,
        segment: Arc<Segment>,
        offset: u32,
        pool: PinnedPool,
    ) -> Self {
        let _writing = segment.note_use(offset as usize, Use::Writing);
        Self {
            memory: Some(Memory::Shared {
                buffer,
                segment,
                _writing,
                pool,
                made_here: MadeHere::now(),
            }),
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
            Some(Memory::Shared { segment, .. }) => Some(segment),
            _ => None,
        }
    }

    /// As [`Slot::into_shm`], for whoever goes on reading the bytes after they have been sent.
    pub fn into_kept(self) -> KeptPayload {
        let reading = self.segment().and_then(|segment| {
            let offset = (self.as_ptr() as usize).checked_sub(segment.base().as_ptr() as usize)?;
            segment.note_use(offset, Use::Reading)
        });
        KeptPayload {
            payload: self.into_shm(),
            _reading: reading.map(Arc::new),
        }
    }

    /// The payload to publish: `publisher.put(slot.into_shm())`. It holds the slot, which comes back to
    /// the pool when this and every consumer's reference has been dropped; the pool's memory stays until
    /// then, also when the pool is dropped first. In a forked child it is a copy: the slot is the parent's.
    pub fn into_shm(mut self) -> ZBytes {
        match self.memory.take() {
            Some(Memory::Shared {
                buffer,
                pool,
                made_here,
                ..
            }) if !made_here.holds() => {
                let copy = buffer.to_vec();
                std::mem::forget((buffer, pool));
                copy.into()
            }
            Some(Memory::Shared { buffer, .. }) => {
                ending::at_exit();
                buffer.into()
            }
            Some(Memory::Private(bytes)) => bytes.into(),
            None => ZBytes::new(),
        }
    }
}

/// A payload that this process keeps after it has sent it, to go on reading what it wrote. It holds the slot.
///
/// A clone of the payload would do, but for messages that say who holds a pool's slots: they know of this.
#[derive(Clone, Debug)]
pub struct KeptPayload {
    payload: ZBytes,
    _reading: Option<Arc<Noted>>,
}

impl KeptPayload {
    /// The payload, to be published.
    pub fn payload(&self) -> ZBytes {
        self.payload.clone()
    }

    /// Of ordinary memory.
    pub fn of_ordinary(payload: ZBytes) -> Self {
        Self {
            payload,
            _reading: None,
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
        let Some(Memory::Shared {
            buffer,
            segment,
            pool,
            made_here,
            ..
        }) = self.memory.take()
        else {
            return;
        };
        if !made_here.holds() {
            // A forked child: the reference is the parent's.
            std::mem::forget((buffer, pool));
            return;
        }
        drop(buffer);
        segment.announce_release();
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
