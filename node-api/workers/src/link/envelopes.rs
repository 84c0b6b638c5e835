//! Slots for messages, and for payloads that came in ordinary memory.
//!
//! Holds: a pool for messages, and one for each power of two of payload sizes, made when the first one is needed. All of
//! them count against the budget as any pool does; slots that nobody uses go after the pool's time to live.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use zenoh_pinned::{AllocError, PinnedPool, PoolError, Slot};

use crate::{
    protocol::INLINE_BYTES,
    request::{Payload, RequestError},
};

/// Slots of a size, at most; more are waited for.
const PAYLOAD_SLOTS: u32 = 64;
/// Bytes of messages: short ones, and full batches.
const MESSAGE_BYTES: [(usize, u32); 2] = [(16 << 10, 64), (640 << 10, 32)];

/// See the module. Clones share the pools.
#[derive(Clone, Debug)]
pub(crate) struct Envelopes {
    messages: PinnedPool,
    payloads: Arc<Mutex<BTreeMap<u32, PinnedPool>>>,
    name: Arc<str>,
}

impl Envelopes {
    pub(crate) fn new(name: &str) -> Result<Self, PoolError> {
        let [(bytes, slots), (more_bytes, more_slots)] = MESSAGE_BYTES;
        let messages = PinnedPool::builder()
            .name(format!("{name} messages"))
            .slot_bytes(bytes)
            .slots(slots)
            .size_class(more_bytes, more_slots)
            .slots_per_segment(4)
            .build()?;
        Ok(Self {
            messages,
            payloads: Arc::default(),
            name: name.into(),
        })
    }

    pub(crate) fn pool(&self) -> &PinnedPool {
        &self.messages
    }

    /// A slot of `bytes` bytes, waiting up to a second while all are in use.
    pub(crate) fn alloc(&self, bytes: usize) -> Result<Slot, RequestError> {
        let pool = self.payloads_of(bytes);
        let slot = pool.and_then(|pool| {
            pool.alloc(bytes)
                .map_err(|error: AllocError| error.to_string())
        });
        slot.map_err(|why| RequestError::NoMemory { why })
    }

    /// The payload as it can be sent to somebody who shares memory: long ordinary memory is copied into a slot.
    pub(crate) fn laid(&self, payload: Payload) -> Result<Payload, RequestError> {
        if payload.len() <= INLINE_BYTES || payload.descriptor().is_some() {
            return Ok(payload);
        }
        let mut slot = self.alloc(payload.len())?;
        slot.copy_from_slice(&payload);
        Ok(Payload::from(slot).in_place_of(&payload))
    }

    fn payloads_of(&self, bytes: usize) -> Result<PinnedPool, String> {
        let size = bytes.max(4096).checked_next_power_of_two();
        let size = size.ok_or_else(|| String::from("there is no memory that large"))?;
        let class = size.trailing_zeros();
        let known = |pools: &BTreeMap<u32, PinnedPool>| pools.get(&class).cloned();
        let mut pools = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = known(&pools) {
            return Ok(pool);
        }
        let pool = PinnedPool::builder()
            .name(format!("{} payloads", self.name))
            .slot_bytes(size)
            .slots(PAYLOAD_SLOTS)
            .slots_per_segment(1)
            .build();
        let pool = pool.map_err(|error| error.to_string())?;
        pools.insert(class, pool.clone());
        Ok(pool)
    }
}
