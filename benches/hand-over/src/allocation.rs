//! A slot taken from a pool and given back, with nobody else around. Nothing is written.

use zenoh_pinned::PinnedPool;
use zenoh_pinned_measuring::clock::now;

use crate::{Outcome, plan::SMALL_BYTES, samples::Summary};

const CALLS: usize = 100_000;
const WARM_UP: usize = 1000;

pub fn measure() -> Outcome<Summary> {
    let pool = PinnedPool::builder()
        .slots(64)
        .slot_bytes(SMALL_BYTES)
        .build()?;
    let mut times = Vec::with_capacity(CALLS);
    for call in 0..WARM_UP + CALLS {
        let begin = now();
        drop(pool.alloc(SMALL_BYTES)?);
        let end = now();
        if call >= WARM_UP {
            times.push((end - begin) as u32);
        }
    }
    Ok(Summary::of(&mut times))
}
