//! A chunk descriptor comes back through shared memory, so anything can be in it: a release gives back the one
//! allocated slot that it names, or nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use zenoh::shm::{ChunkDescriptor, MemoryLayout, ShmProviderBackend};
use zenoh_pinned::PinnedPool;

const SLOT_BYTES: usize = 8192;
const SLOTS: usize = 5;
const STEPS: u64 = 20_000;

/// Xorshift, after Marsaglia: the same steps for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn no_descriptor_frees_what_is_not_allocated_or_frees_it_twice() {
    let backend = PinnedPool::builder()
        .slots(SLOTS as u32)
        .slot_bytes(SLOT_BYTES)
        .build_backend()
        .unwrap();
    let layout = MemoryLayout::try_from(SLOT_BYTES).unwrap();
    let mut random = Random(7);
    let mut allocated: BTreeMap<u32, ChunkDescriptor> = BTreeMap::new();
    let mut segment = 0;
    for step in 0..STEPS {
        if random.below(2) == 0 {
            if let Ok(chunk) = backend.alloc(&layout) {
                let descriptor = chunk.descriptor;
                segment = descriptor.segment;
                assert!(descriptor.chunk >= 4096 && descriptor.chunk.is_multiple_of(4096));
                let offset = descriptor.chunk;
                let before = allocated.insert(offset, descriptor);
                assert!(
                    before.is_none(),
                    "step {step}: {offset} was handed out twice"
                );
            }
        } else {
            let offset = match random.below(6) {
                0 => random.below(1 << 32) as u32,
                1 => 0,
                2 => u32::MAX,
                3 => 4096 + (random.below(8) * SLOT_BYTES as u64) as u32 + random.below(2) as u32,
                _ => 4096 + (random.below(8) * SLOT_BYTES as u64) as u32,
            };
            let named = match random.below(4) {
                0 => random.below(1 << 32) as u32,
                _ => segment,
            };
            let len = std::num::NonZeroUsize::new(1 + random.below(u64::MAX - 1) as usize).unwrap();
            backend.free(&ChunkDescriptor::new(named, offset, len));
            if named == segment {
                allocated.remove(&offset);
            }
        }
        let free = (SLOTS - allocated.len()) * SLOT_BYTES;
        assert_eq!(backend.available(), free, "step {step} of seed 7");
    }
}
