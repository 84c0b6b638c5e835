//! Copies to and from the device: what arrives, by which path, and what is held meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod arrival;
mod destinations;
mod holds;
mod host;
mod line;
mod registrations;
mod staging;

use std::{sync::Arc, time::Duration};

use cudarc::driver::CudaStream;
use harness::{driver, eventually, frames, peer, worker};
use zenoh::{Wait, bytes::ZBytes};
use zenoh_pinned::{
    AllocError, CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner, cudarc,
};

const BYTES: usize = 256 << 10;

fn pool(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

fn payload(pool: &PinnedPool, sequence: u64) -> ZBytes {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    slot.into_shm()
}

fn frame(pool: &PinnedPool, pinner: &Pinner, sequence: u64) -> Frame {
    Frame::from_payload(&payload(pool, sequence), pinner).unwrap()
}

fn device() -> (Pinner, Arc<CudaStream>) {
    let pinner = Pinner::builder().device(0).staging(2, 1 << 20).build();
    let stream = pinner.context().expect("no device").new_stream().unwrap();
    (pinner, stream)
}

/// A pinner that has registered the pool and its staging slots.
fn registered(pool: &PinnedPool) -> (Pinner, Arc<CudaStream>) {
    let (pinner, stream) = device();
    pinner.register_pool(pool);
    let bytes = pool.statistics().bytes + (2 << 20);
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    assert_eq!(pinner.statistics().registered_bytes, bytes);
    (pinner, stream)
}
