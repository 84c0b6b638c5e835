//! A device, and frames of a pool of this process for it.

use std::sync::Arc;

use zenoh_pinned::{Frame, PinnedPool, Pinner, cudarc::driver::CudaStream};

use super::frames;

/// Bytes of these frames.
pub const BYTES: usize = 64 << 10;

/// Frame `sequence`, in a slot of the pool, as it would have been received.
pub fn frame(pool: &PinnedPool, pinner: &Pinner, sequence: u64) -> Frame {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    Frame::from_payload(&slot.into_shm(), pinner).unwrap()
}

/// The first device with one staging slot, and a stream of it.
pub fn first() -> (Pinner, Arc<CudaStream>) {
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    let stream = pinner.context().expect("no device").new_stream().unwrap();
    (pinner, stream)
}
