//! Copying a frame out of shared memory into ordinary memory, by size: what a staged copy costs the processor.
//!
//! Source and destination are the same each time, so that small ones are in the processor's caches.

use criterion::{BenchmarkId, Criterion, Throughput};
use zenoh_pinned::PinnedPool;
use zenoh_pinned_measuring::room;

use crate::{Outcome, copies::BYTES, record::Record, sampling};

const GROUP: &str = "copy on the host";

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    let mut group = sampling::by_bytes(criterion, GROUP);
    for bytes in BYTES {
        if let Err(why) = room::for_shared_memory(bytes as u64) {
            record.leave_out(&format!("{GROUP}, {bytes} bytes"), why)?;
            continue;
        }
        let pool = PinnedPool::builder().slots(1).slot_bytes(bytes).build()?;
        let mut slot = pool.alloc(bytes)?;
        slot.fill(1);
        let mut destination = vec![0; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(
            BenchmarkId::new("slot to ordinary memory", bytes),
            |bencher| {
                bencher.iter(|| {
                    destination.copy_from_slice(&slot);
                    // What is copied has to be there before the next copy.
                    std::hint::black_box(&mut destination);
                });
            },
        );
    }
    group.finish();
    Ok(())
}
