//! What is compared, on the producer's side.

use std::time::Duration;

use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{BlockOn, GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;
use zenoh_pinned_measuring::room;

use crate::Error;

pub(crate) type StockProvider = ShmProvider<PosixShmProviderBackend>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// This library.
    Pinned,
    /// zenoh's own shared memory.
    Stock,
    /// zenoh without shared memory.
    Plain,
}

impl Arm {
    pub(crate) const ALL: [Self; 3] = [Self::Pinned, Self::Stock, Self::Plain];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pinned => "zenoh-pinned",
            Self::Stock => "stock zenoh",
            Self::Plain => "zenoh without shared memory",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|arm| arm.name() == name);
        found.ok_or_else(|| format!("there is no arm {name:?}").into())
    }
}

/// Where the bytes that are sent are taken from.
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
    pub(crate) fn new(arm: Arm, slots: u32, bytes: usize) -> Result<Self, Error> {
        let memory = match arm {
            Arm::Pinned => Memory::Pinned(
                PinnedPool::builder()
                    .slots(slots)
                    .slot_bytes(bytes)
                    .wait(Duration::from_secs(10))
                    .build()?,
            ),
            Arm::Stock => Memory::Stock(stock(slots, bytes)?),
            Arm::Plain => Memory::Plain,
        };
        Ok(Self { memory, bytes })
    }

    /// A message, waiting for room as the arm's users would.
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
    let bytes = slots as usize * bytes + 4096;
    room::for_shared_memory(bytes as u64)?;
    ShmProviderBuilder::default_backend(bytes).wait()
}
