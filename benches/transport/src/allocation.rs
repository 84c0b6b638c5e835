//! One slot taken and given back, with nobody else around.

use zenoh::{
    Wait,
    shm::{GarbageCollect, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;

use crate::{
    FRAME_BYTES, Outcome,
    samples::{Samples, heading, now},
};

const ROUNDS: usize = 20_000;

pub(crate) fn measure() -> Outcome {
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(FRAME_BYTES)
        .build()?;
    let provider = ShmProviderBuilder::default_backend(8 * FRAME_BYTES + 4096).wait()?;
    let (mut ours, mut stock) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let begin = now();
        let slot = pool.alloc(FRAME_BYTES)?;
        ours.push(now() - begin);
        drop(slot);
        let begin = now();
        let buffer = provider
            .alloc(FRAME_BYTES)
            .with_policy::<GarbageCollect>()
            .wait()?;
        stock.push(now() - begin);
        drop(buffer);
    }
    heading("allocation of a free slot");
    println!("{}", ours.row("zenoh-pinned"));
    println!("{}", stock.row("stock zenoh"));
    Ok(())
}
