//! Publishes frames that are written in place. Start `02-subscribe-to-device` beside it.

use std::{thread::sleep, time::Duration};

use zenoh::{Config, Wait};
use zenoh_pinned::PinnedPool;

const FRAME_BYTES: usize = 1920 * 1080 * 4;
const FRAMES: u8 = 100;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let endpoint = std::env::args().nth(1);
    let endpoint = endpoint.unwrap_or_else(|| String::from("tcp/127.0.0.1:7450"));
    let mut config = Config::default();
    config.insert_json5("listen/endpoints", &format!("[{endpoint:?}]"))?;
    if let Some(reason) = zenoh_pinned::prepare_session(&mut config) {
        println!("frames will travel as ordinary bytes: {reason}");
    }
    let session = zenoh::open(config).wait()?;
    let publisher = session.declare_publisher("camera/front").wait()?;

    // Eight page-aligned slots in shared memory, which every zenoh 1.10 peer of this host can attach.
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(FRAME_BYTES)
        .max_bytes(128 << 20)
        .build()?;

    println!("waiting for a subscriber at {endpoint}");
    while !publisher.matching_status().wait()?.matching() {
        sleep(Duration::from_millis(20));
    }
    for number in 0..FRAMES {
        let mut slot = pool.alloc(FRAME_BYTES)?; // waits for a free one while consumers hold all
        slot.fill(number); // a camera or decoder writes here
        publisher.put(slot.into_shm()).wait()?; // an ordinary put: a few bytes go over the socket
        sleep(Duration::from_millis(10));
    }
    // The slots come back when the last consumer has let go of its frames.
    pool.drain(Duration::from_secs(10))?;
    let used = pool.statistics();
    println!("{FRAMES} frames of {FRAME_BYTES} bytes, written in place");
    println!(
        "{} slots of {} bytes; {} allocations, of which {} had to wait",
        used.slots, used.slot_bytes, used.allocations, used.waits
    );
    Ok(())
}
