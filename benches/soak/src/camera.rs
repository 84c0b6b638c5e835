//! A camera: writes and publishes a frame every thirtieth of a second, and says once a second how its pool is.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use zenoh::{Wait, qos::CongestionControl};
use zenoh_pinned::PinnedPool;

use crate::{FRAME_BYTES, Outcome, session};

const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 30);
static ENDED: AtomicBool = AtomicBool::new(false);

pub fn run(endpoint: &str, index: &str) -> Outcome<bool> {
    // The parent closes the input to end this, also by dying.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDED.store(true, Ordering::Relaxed);
    });
    let session = session::open(&[endpoint], &[], None)?;
    let publisher = session
        .declare_publisher(format!("camera/{index}"))
        .congestion_control(CongestionControl::Block)
        .express(true)
        .wait()?;
    let pool = PinnedPool::builder()
        .name(format!("soak camera {index}"))
        .slots(12)
        .slot_bytes(FRAME_BYTES)
        .build()?;
    let (mut frames, mut dropped) = (0u64, 0u64);
    let mut told = Instant::now();
    let mut next = Instant::now();
    while !ENDED.load(Ordering::Relaxed) {
        match pool.alloc_timeout(FRAME_BYTES, PERIOD) {
            Ok(mut slot) => {
                let (words, _) = slot.as_chunks_mut::<8>();
                words.fill(frames.to_le_bytes());
                publisher.put(slot.into_shm()).wait()?;
                frames += 1;
            }
            Err(zenoh_pinned::AllocError::TimedOut { .. }) => dropped += 1,
            Err(error) => return Err(error.into()),
        }
        if told.elapsed() >= Duration::from_secs(1) {
            told += Duration::from_secs(1);
            let now = pool.statistics();
            println!(
                "{frames} {dropped} {} {} {} {}",
                now.in_use, now.quarantined, now.reclaimed, now.tombstones
            );
        }
        next += PERIOD;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next = next.max(Instant::now() - PERIOD);
    }
    Ok(true)
}
