//! Frames whose bytes tell which frame they are, at every place.

use std::sync::Arc;

use zenoh_pinned::cudarc::driver::{CudaStream, DevicePtr};

/// The size of a 1920x1080 RGBA frame, in bytes.
pub const FULL_HD: usize = 1920 * 1080 * 4;

fn word(sequence: u64, index: usize) -> u64 {
    // An odd multiplier: neighbouring frames and neighbouring words differ in every byte sooner or later.
    (sequence + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add((index as u64).wrapping_mul(0xd134_2543_de82_ef95))
}

/// Writes frame `sequence`.
pub fn fill(bytes: &mut [u8], sequence: u64) {
    for (index, chunk) in bytes.chunks_mut(8).enumerate() {
        let length = chunk.len();
        chunk.copy_from_slice(&word(sequence, index).to_le_bytes()[..length]);
    }
}

/// Whether the bytes are frame `sequence`, all of them.
pub fn is_frame(bytes: &[u8], sequence: u64) -> bool {
    bytes
        .chunks(8)
        .enumerate()
        .all(|(index, chunk)| chunk == &word(sequence, index).to_le_bytes()[..chunk.len()])
}

/// Whether frame `sequence` has arrived on the device, all of it, when the stream has done what it was given so far.
pub fn is_on_device(stream: &Arc<CudaStream>, device: &impl DevicePtr<u8>, sequence: u64) -> bool {
    is_frame(&stream.clone_dtoh(device).unwrap(), sequence)
}
