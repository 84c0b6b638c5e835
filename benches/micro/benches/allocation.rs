//! A buffer taken from a pool and given back, with nobody else around.
//!
//! zenoh gives a buffer's memory back to the provider when garbage is collected, which stock zenoh does when it
//! finds no room; so this is the mean over many allocations, with the collection in it. Nothing is written.

use criterion::{BenchmarkId, Criterion};
use zenoh::{Wait, shm::GarbageCollect};
use zenoh_pinned::PinnedPool;

use crate::{
    Error, FRAME_BYTES, Outcome, or_end, producer,
    record::Record,
    room,
    sampling::{self, Group},
    transport::Transport,
};

const SLOTS: [u32; 2] = [8, 1024];
const BYTES: [usize; 2] = [4096, FRAME_BYTES];
/// A larger pool takes seconds to make, which is too long where nothing is measured.
const MOST_BYTES_TO_TRY: u64 = 1 << 30;

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    for slots in SLOTS {
        let title = format!("allocation, pool of {slots} slots");
        let mut group = criterion.benchmark_group(&title);
        sampling::many_calls(&mut group);
        for bytes in BYTES {
            let pool_bytes = u64::from(slots) * bytes as u64;
            if pool_bytes > MOST_BYTES_TO_TRY && !record.is_of_measurement() {
                continue;
            }
            let arms: [(Transport, Arm); 2] =
                [(Transport::Pinned, pinned), (Transport::Stock, stock)];
            for (transport, arm) in arms {
                let id = BenchmarkId::new(transport.name(), bytes);
                let room = room::for_shared_memory(pool_bytes).map_err(Error::from);
                if let Err(why) = room.and_then(|()| arm(&mut group, id, slots, bytes)) {
                    let what = format!("{title}, {bytes} bytes, {}", transport.name());
                    record.leave_out(&what, why)?;
                }
            }
        }
        group.finish();
    }
    Ok(())
}

type Arm = fn(&mut Group<'_>, BenchmarkId, u32, usize) -> Outcome;

fn pinned(group: &mut Group<'_>, id: BenchmarkId, slots: u32, bytes: usize) -> Outcome {
    let pool = PinnedPool::builder()
        .slots(slots)
        .slot_bytes(bytes)
        .build()?;
    group.bench_function(id, |bencher| {
        bencher.iter(|| or_end(pool.alloc(bytes)));
    });
    Ok(())
}

fn stock(group: &mut Group<'_>, id: BenchmarkId, slots: u32, bytes: usize) -> Outcome {
    if u64::from(slots) * bytes as u64 > u64::from(u32::MAX) {
        return Err("one segment of stock zenoh cannot have more than 4 GiB".into());
    }
    let provider = producer::stock(slots, bytes)?;
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            let buffer = provider.alloc(bytes).with_policy::<GarbageCollect>();
            or_end(buffer.wait())
        });
    });
    Ok(())
}
