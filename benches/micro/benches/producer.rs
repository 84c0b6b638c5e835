//! Where the bytes that are sent are taken from.

use std::time::Duration;

use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{BlockOn, GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;

use crate::{Error, record::Record, room, transport::Transport};

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

/// A producer for each of the transports that can be had here; the others are left out. Stock zenoh locks its
/// memory, which not everybody may.
pub(crate) fn of_each(
    record: &mut Record,
    what: &str,
    transports: &[Transport],
    slots: u32,
    bytes: usize,
) -> Result<Vec<(Transport, Producer)>, Error> {
    let mut producers = Vec::new();
    for transport in transports {
        let needed = match transport {
            Transport::Pinned | Transport::Stock => 2 * u64::from(slots) * bytes.max(4096) as u64,
            Transport::Plain => 0,
        };
        let producer = room::for_shared_memory(needed)
            .map_err(Error::from)
            .and_then(|()| Producer::new(*transport, slots, bytes));
        match producer {
            Ok(producer) => producers.push((*transport, producer)),
            Err(why) => record.leave_out(&format!("{what}, {}", transport.name()), why)?,
        }
    }
    Ok(producers)
}

/// zenoh's own provider with room for so many buffers, and a page more: its allocator keeps books in the segment.
pub(crate) fn stock(slots: u32, bytes: usize) -> Result<StockProvider, Error> {
    ShmProviderBuilder::default_backend(slots as usize * bytes + 4096).wait()
}
