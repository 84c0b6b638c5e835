//! What reaches a device is right, and nobody is disturbed, while other libraries of the process use the same device:
//! streams of theirs, memory that was lent to them, their CUDA graphs, their errors and their current context.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../harness/kernel.rs"]
mod kernel;

mod captures;
mod contexts;
mod ending;
mod errors;
mod flat;
mod lent;

use std::{sync::Arc, time::Duration};

use cudarc::driver::{CudaStream, sys};
use harness::{
    device::{BYTES, first, frame},
    driver, eventually, frames,
};
use zenoh_pinned::{CopyError, DevicePath, Frame, PinnedPool, Pinner, cudarc};

fn pool(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// A pinner that has registered the pool, and a stream of its context.
fn registered(pool: &PinnedPool) -> (Pinner, Arc<CudaStream>) {
    let (pinner, stream) = first();
    pinner.register_pool(pool);
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    eventually("no frame is held", || pool.statistics().in_use == 0);
    (pinner, stream)
}

/// The bytes of frame `sequence`.
fn bytes_of(sequence: u64) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    frames::fill(&mut bytes, sequence);
    bytes
}

/// The stream of another library, known by its handle.
fn foreign(stream: &Arc<CudaStream>) -> Arc<CudaStream> {
    // SAFETY: the stream is of this context; the tests say how long it lives.
    unsafe { stream.context().wrap_borrowed_stream(stream.cu_stream()) }
}
