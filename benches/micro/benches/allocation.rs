//! A small slot taken from a pool and dropped, and the same of zenoh's own provider.
//!
//! Nothing is written, and nobody else has the slot. What is dropped comes back when the pool has no other left and
//! collects: that is in the times, in both.

use criterion::Criterion;
use zenoh::{
    Wait,
    shm::{GarbageCollect, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;

use crate::{Outcome, or_end, sampling};

const BYTES: usize = 64;
const SLOTS: usize = 8;

pub(crate) fn measure(criterion: &mut Criterion) -> Outcome {
    let pool = PinnedPool::builder().slots(SLOTS as u32).slot_bytes(BYTES);
    let pool = pool.build()?;
    // As much memory: a slot is a page.
    let stock = ShmProviderBuilder::default_backend(SLOTS * 4096).wait()?;
    let mut group = sampling::many_calls(criterion, "allocation of 64 bytes and its free");
    group.bench_function("a slot", |bencher| {
        bencher.iter(|| drop(or_end(pool.alloc(BYTES))));
    });
    group.bench_function("a slot, as a payload", |bencher| {
        bencher.iter(|| drop(or_end(pool.alloc(BYTES)).into_shm()));
    });
    group.bench_function("a buffer of stock zenoh", |bencher| {
        bencher.iter(|| {
            let buffer = stock.alloc(BYTES).with_policy::<GarbageCollect>();
            drop(or_end(buffer.wait()));
        });
    });
    group.finish();
    Ok(())
}
