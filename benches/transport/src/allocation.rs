//! A buffer taken from a pool and given back, with nobody else around. Nothing is written.
//!
//! zenoh gives a buffer's memory back to the provider when garbage is collected, which stock zenoh does when it finds no
//! room: that is in its times.

use zenoh::{Wait, shm::GarbageCollect};
use zenoh_pinned::PinnedPool;
use zenoh_pinned_measuring::{clock::now, room};

use crate::{
    Error, FRAME_BYTES, Outcome,
    arm::{self, StockProvider},
    samples::{Samples, heading},
    sizes,
};

const ROUNDS: usize = 20_000;

/// Of frames.
pub(crate) fn measure() -> Outcome {
    let [ours, stock] = in_turns(&pinned(8, FRAME_BYTES)?, Some(&arm::stock(8, FRAME_BYTES)?))?;
    heading("allocation of a free slot");
    println!("{}", ours.row("zenoh-pinned"));
    println!("{}", stock.row("stock zenoh"));
    Ok(())
}

/// Of pages, and out of pools of many slots.
pub(crate) fn by_size() -> Outcome {
    for (slots, bytes) in [(8, &[4096][..]), (1024, &[4096, FRAME_BYTES])] {
        let title = format!("allocation, pool of {slots} slots");
        sizes::heading(&title, &["zenoh-pinned", "stock zenoh"]);
        for bytes in bytes {
            let pool_bytes = u64::from(slots) * *bytes as u64;
            // A segment of zenoh's own ends at 4 GiB.
            let has_stock = pool_bytes < u64::from(u32::MAX);
            let needed = pool_bytes * if has_stock { 2 } else { 1 };
            if let Err(why) = room::for_shared_memory(needed) {
                eprintln!("left out: {title}, {bytes} bytes: {why}");
                continue;
            }
            let stock = has_stock.then(|| arm::stock(slots, *bytes)).transpose()?;
            sizes::row(*bytes, &in_turns(&pinned(slots, *bytes)?, stock.as_ref())?);
        }
    }
    Ok(())
}

fn pinned(slots: u32, bytes: usize) -> Result<(PinnedPool, usize), Error> {
    let pool = PinnedPool::builder().slots(slots).slot_bytes(bytes);
    Ok((pool.build()?, bytes))
}

fn in_turns(
    (pool, bytes): &(PinnedPool, usize),
    provider: Option<&StockProvider>,
) -> Result<[Samples; 2], Error> {
    let (mut ours, mut stock) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let begin = now();
        let slot = pool.alloc(*bytes)?;
        ours.push(now() - begin);
        drop(slot);
        let Some(provider) = provider else { continue };
        let begin = now();
        let buffer = provider
            .alloc(*bytes)
            .with_policy::<GarbageCollect>()
            .wait()?;
        stock.push(now() - begin);
        drop(buffer);
    }
    Ok([ours, stock])
}
