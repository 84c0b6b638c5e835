//! What is compared: this library and stock zenoh, on the producer's side.

use std::time::Duration;

use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{BlockOn, GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;

use crate::FRAME_BYTES;

type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) struct Producer {
    memory: Memory,
    frame_bytes: usize,
}

enum Memory {
    Pinned(PinnedPool),
    Stock(ShmProvider<PosixShmProviderBackend>),
}

impl Producer {
    pub(crate) fn pinned(slots: u32) -> Result<Self, Error> {
        let pool = PinnedPool::builder()
            .slots(slots)
            .slot_bytes(FRAME_BYTES)
            .wait(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            memory: Memory::Pinned(pool),
            frame_bytes: FRAME_BYTES,
        })
    }

    pub(crate) fn stock(slots: usize) -> Result<Self, Error> {
        Self::stock_of(slots, FRAME_BYTES)
    }

    pub(crate) fn stock_of(slots: usize, frame_bytes: usize) -> Result<Self, Error> {
        // One page more than the frames: zenoh's allocator keeps its books in the segment.
        let provider = ShmProviderBuilder::default_backend(slots * frame_bytes + 4096).wait()?;
        Ok(Self {
            memory: Memory::Stock(provider),
            frame_bytes,
        })
    }

    /// A frame, waiting for room as the arm's users would.
    pub(crate) fn frame(&self) -> Result<ZBytes, Error> {
        Ok(match &self.memory {
            Memory::Pinned(pool) => pool.alloc(self.frame_bytes)?.into_shm(),
            Memory::Stock(provider) => {
                let buffer = provider
                    .alloc(self.frame_bytes)
                    .with_policy::<BlockOn<GarbageCollect>>();
                buffer.wait()?.into()
            }
        })
    }
}
