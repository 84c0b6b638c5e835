//! `Frame::from_payload` and the drop of the frame, with several segments of shared memory in the process.
//!
//! Frames lie in one segment after the other. Where this library has mapped the segment it is found by the frame's
//! address; where zenoh's own client or provider has, the kernel is asked what is mapped there. With a device, a
//! pinner has all segments registered and gives the registered address as well. That is a look-up like the other,
//! so here the double of the driver does as well as a real one.

use criterion::{BenchmarkId, Criterion};
use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::{Frame, PinnedPool, Pinner};

use crate::{
    Error, Outcome,
    device::Device,
    or_end,
    record::Record,
    sampling::{self, Group},
};

type StockProvider = ShmProvider<PosixShmProviderBackend>;

const SEGMENTS: [u32; 3] = [1, 16, 100];
const BYTES: usize = 4096;
const GROUP: &str = "address look-up, by segments";
const REGISTERED: &str = "registered";

pub(crate) fn measure(
    criterion: &mut Criterion,
    record: &mut Record,
    device: &Result<Device, String>,
) -> Outcome {
    let mut group = sampling::many_calls(criterion, GROUP);
    for segments in SEGMENTS {
        let host = Pinner::host_only();
        let pool = pool_of(segments)?;
        let frames = frames_of(&pool, segments)?;
        host.register_pool(&pool);
        look_up(
            &mut group,
            ("mapped by this library", segments),
            &frames,
            &host,
        );
        if let Ok(device) = device {
            device.pinner.register_pool(&pool);
            for payload in &frames {
                device.wait_until_registered(&Frame::from_payload(payload, &device.pinner)?)?;
            }
            look_up(&mut group, (REGISTERED, segments), &frames, &device.pinner);
        }
        drop(frames);
        let (_providers, frames): (Vec<_>, Vec<_>) = stock_frames(segments)?.into_iter().unzip();
        look_up(&mut group, ("mapped by zenoh", segments), &frames, &host);
    }
    group.finish();
    if let Err(why) = device {
        record.leave_out(&format!("{GROUP}, {REGISTERED}"), why)?;
    }
    Ok(())
}

fn look_up(
    group: &mut Group<'_>,
    (arm, segments): (&str, u32),
    frames: &[ZBytes],
    pinner: &Pinner,
) {
    let mut turn = frames.iter().cycle();
    group.bench_function(BenchmarkId::new(arm, segments), |bencher| {
        bencher.iter(|| {
            let payload = or_end(turn.next().ok_or("there are no frames"));
            let frame = or_end(Frame::from_payload(payload, pinner));
            frame.registered_address().is_ok()
        });
    });
}

/// A pool with room for one frame in each segment.
fn pool_of(segments: u32) -> Result<PinnedPool, Error> {
    let pool = PinnedPool::builder()
        .slots(segments)
        .slots_per_segment(1)
        .slot_bytes(BYTES);
    Ok(pool.build()?)
}

/// All slots of the pool, for which it grows.
fn frames_of(pool: &PinnedPool, segments: u32) -> Result<Vec<ZBytes>, Error> {
    (0..segments)
        .map(|_| Ok(pool.alloc(BYTES)?.into_shm()))
        .collect()
}

/// The same of zenoh's own providers, which have to stay for as long as their frames are to be valid.
fn stock_frames(segments: u32) -> Result<Vec<(StockProvider, ZBytes)>, Error> {
    (0..segments)
        .map(|_| {
            // A page more than the frame: zenoh's allocator keeps its books in the segment.
            let provider = ShmProviderBuilder::default_backend(BYTES + 4096).wait()?;
            let frame = provider.alloc(BYTES).wait()?.into();
            Ok((provider, frame))
        })
        .collect()
}
