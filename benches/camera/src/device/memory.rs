//! Memory to copy from that is not this library's: page-locked buffers of the driver's, and memory that the driver
//! knows nothing of.

use std::sync::Arc;

use zenoh_pinned::cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DevicePtrMut, PinnedHostSlice, result,
};

use crate::Outcome;

/// Page-locked memory that the driver has allocated. Cached, not write-combined: the way PyTorch's `pin_memory`
/// has it, and quicker to fill by a copy than to read.
pub struct PinnedBuffer {
    slice: PinnedHostSlice<u8>,
}

impl PinnedBuffer {
    pub fn new(context: &Arc<CudaContext>, bytes: usize) -> Outcome<Self> {
        const CACHED: u32 = 0;
        // SAFETY: the memory is zeroed below, before anything reads it; every bit pattern is a u8.
        let mut slice = unsafe { context.alloc_pinned_with_flags::<u8>(bytes, CACHED)? };
        slice.as_mut_slice()?.fill(0);
        Ok(Self { slice })
    }

    /// Its bytes, once no copy reads them any more.
    pub fn bytes(&mut self) -> Outcome<&mut [u8]> {
        Ok(self.slice.as_mut_slice()?)
    }

    pub fn enqueue(&self, destination: &mut CudaSlice<u8>, stream: &Arc<CudaStream>) -> Outcome {
        Ok(stream.memcpy_htod(&self.slice, destination)?)
    }
}

/// Enqueues the driver's own copy from memory that is not registered. Keep the bytes until it has executed.
pub fn enqueue_pageable(
    bytes: &[u8],
    destination: &mut CudaSlice<u8>,
    stream: &Arc<CudaStream>,
) -> Outcome {
    if bytes.len() > destination.len() {
        return Err("the destination is too small".into());
    }
    stream.context().bind_to_thread()?;
    let (address, _recorded) = destination.device_ptr_mut(stream);
    // SAFETY: the destination is as long as the bytes, and everything here uses it in stream order. The driver has
    // read pageable memory before it returns, or the caller keeps it until the copy has executed.
    unsafe { result::memcpy_htod_async(address, bytes, stream.cu_stream())? };
    Ok(())
}
