//! From the tables to the caller: a slot is taken first, and described to zenoh when it is there.
//!
//! So an allocation that waits, or fails, has none of zenoh's metadata. A slot that zenoh cannot describe, or whose
//! file has been cut, goes back.

use std::{num::NonZeroUsize, time::Duration};

use zenoh::shm::{ZAllocError, ZShmMut};

use super::{PinnedPool, SharedPool, error::AllocError, slot::Slot, slots::TakenSlot};
use crate::os;

/// From how many bytes on writing to memory that is not cached costs far more than collecting what was released.
const CACHED_FROM: usize = 64 << 10;

impl SharedPool {
    /// The class for `len` bytes; `None` where the pool has ordinary memory.
    ///
    /// # Errors
    /// No slot can ever hold that, or the pool is another process's.
    pub(super) fn class_for(&self, len: usize) -> Result<Option<usize>, AllocError> {
        if !self.made_here.holds() {
            return Err(AllocError::Forked);
        }
        let class = self.slots.class_for(len)?;
        Ok(self.reason.is_none().then_some(class))
    }

    /// Takes a slot that is free, or has been released and not been collected. Reserves no memory.
    pub(super) fn take_there_is(&self, class: usize) -> Option<TakenSlot> {
        // What was released last is in the processor's caches, if anything is: of large slots it is worth looking for.
        if self.slots.slot_bytes_of(class) >= CACHED_FROM {
            self.collect();
            return self.slots.take_free(class);
        }
        self.slots.take_free(class).or_else(|| {
            self.collect();
            self.slots.take_free(class)
        })
    }

    /// Takes a slot, waiting up to `timeout` for one.
    pub(super) fn take(
        &self,
        class: usize,
        len: usize,
        timeout: Duration,
    ) -> Result<TakenSlot, AllocError> {
        let there_is = self.take_there_is(class);
        match there_is.or_else(|| self.slots.take(class)) {
            Some(taken) => Ok(taken),
            None if timeout.is_zero() => Err(self.slots.timed_out(class, len, timeout)),
            None => self.wait_for_slot(class, len, timeout),
        }
    }

    fn describe(&self, taken: TakenSlot, len: usize) -> Result<ZShmMut, ZAllocError> {
        let bytes = os::round_up_to_pages(len).and_then(NonZeroUsize::new);
        let chunk = taken.into_chunk(bytes.ok_or(ZAllocError::Other)?);
        self.provider.map(chunk, len)
    }
}

impl PinnedPool {
    /// Hands a slot out that was taken for `len` bytes.
    pub(super) fn hand_out(&self, taken: TakenSlot, len: usize) -> Result<Slot, AllocError> {
        let segment = taken.segment.clone();
        let (id, offset) = (segment.id(), taken.offset);
        let buffer = match segment.reaches(segment.bytes()) {
            true => self
                .shared
                .describe(taken, len)
                .map_err(|error| AllocError::Metadata {
                    cause: error.to_string(),
                }),
            false => Err(AllocError::Truncated { id }),
        };
        match buffer {
            Ok(buffer) => Ok(Slot::shared(buffer, segment, offset, self.clone())),
            Err(error) => {
                self.shared.slots.give_back(id, offset);
                Err(error)
            }
        }
    }
}
