//! A buffer taken from a pool and given back, with nobody else around.
//!
//! zenoh gives a buffer's memory back to the provider when garbage is collected, which stock zenoh does when it
//! finds no room; so this is the mean over many allocations, with the collection in it. Nothing is written.

use criterion::{BenchmarkId, Criterion};
use zenoh::{Wait, shm::GarbageCollect};
use zenoh_pinned::PinnedPool;

use crate::{
    FRAME_BYTES, Outcome, or_end, producer, record::Record, room, sampling, transport::Transport,
};

const SLOTS: [u32; 2] = [8, 1024];
const BYTES: [usize; 2] = [4096, FRAME_BYTES];

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    for slots in SLOTS {
        let title = format!("allocation, pool of {slots} slots");
        let mut group = criterion.benchmark_group(&title);
        sampling::many_calls(&mut group);
        for bytes in BYTES {
            let pool_bytes = u64::from(slots) * bytes as u64;
            if let Err(why) = room::for_shared_memory(pool_bytes) {
                record.leave_out(&format!("{title}, {bytes} bytes"), why)?;
                continue;
            }
            pinned(&mut group, slots, bytes)?;
            if pool_bytes > u64::from(u32::MAX) {
                let why = "one segment of stock zenoh cannot have more than 4 GiB";
                record.leave_out(&format!("{title}, {bytes} bytes, stock zenoh"), why)?;
                continue;
            }
            stock(&mut group, slots, bytes)?;
        }
        group.finish();
    }
    Ok(())
}

fn pinned(group: &mut sampling::Group<'_>, slots: u32, bytes: usize) -> Outcome {
    let pool = PinnedPool::builder()
        .slots(slots)
        .slot_bytes(bytes)
        .build()?;
    group.bench_function(
        BenchmarkId::new(Transport::Pinned.name(), bytes),
        |bencher| bencher.iter(|| or_end(pool.alloc(bytes))),
    );
    Ok(())
}

fn stock(group: &mut sampling::Group<'_>, slots: u32, bytes: usize) -> Outcome {
    let provider = producer::stock(slots, bytes)?;
    group.bench_function(
        BenchmarkId::new(Transport::Stock.name(), bytes),
        |bencher| {
            bencher.iter(|| {
                let buffer = provider.alloc(bytes).with_policy::<GarbageCollect>();
                or_end(buffer.wait())
            });
        },
    );
    Ok(())
}
