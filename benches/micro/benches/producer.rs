//! Where the bytes that are sent are taken from.

use std::time::Duration;

use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{BlockOn, GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;

use crate::{Error, transport::Transport};

pub(crate) type StockProvider = ShmProvider<PosixShmProviderBackend>;

pub(crate) struct Producer {
    memory: Memory,
    bytes: usize,
}

enum Memory {
    Pinned(PinnedPool),
    Stock(StockProvider),
    Plain,
}

impl Producer {
    /// Room for `slots` messages of `bytes`.
    pub(crate) fn new(transport: Transport, slots: u32, bytes: usize) -> Result<Self, Error> {
        let memory = match transport {
            Transport::Pinned => Memory::Pinned(
                PinnedPool::builder()
                    .slots(slots)
                    .slot_bytes(bytes)
                    .wait(Duration::from_secs(10))
                    .build()?,
            ),
            Transport::Stock => Memory::Stock(stock(slots, bytes)?),
            Transport::Plain => Memory::Plain,
        };
        Ok(Self { memory, bytes })
    }

    /// A message, waiting for room as the transport's users would.
    pub(crate) fn message(&self) -> Result<ZBytes, Error> {
        Ok(match &self.memory {
            Memory::Pinned(pool) => pool.alloc(self.bytes)?.into_shm(),
            Memory::Stock(provider) => {
                let buffer = provider
                    .alloc(self.bytes)
                    .with_policy::<BlockOn<GarbageCollect>>();
                buffer.wait()?.into()
            }
            Memory::Plain => vec![0; self.bytes].into(),
        })
    }
}

/// zenoh's own provider with room for so many buffers, and a page more: its allocator keeps books in the segment.
pub(crate) fn stock(slots: u32, bytes: usize) -> Result<StockProvider, Error> {
    ShmProviderBuilder::default_backend(slots as usize * bytes + 4096).wait()
}
