//! The memories that copies are timed from.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh::{
    Wait,
    shm::{PosixShmProviderBackend, ShmProvider, ShmProviderBuilder, ZShmMut},
};
use zenoh_pinned::{
    DevicePath, Frame, PinnedPool, Pinner,
    cudarc::driver::{CudaSlice, CudaStream},
};

use crate::{
    Outcome,
    arm::Arm,
    device::memory::{PinnedBuffer, enqueue_pageable},
};

pub(super) struct Sources {
    stock: ZShmMut,
    _provider: ShmProvider<PosixShmProviderBackend>,
    ours: Frame,
    _pool: PinnedPool,
    /// Two, so that one is filled while the other one is read.
    caller: [PinnedBuffer; 2],
    next: usize,
    ceiling: PinnedBuffer,
    destination: CudaSlice<u8>,
}

impl Sources {
    pub(super) fn new(pinner: &Pinner, stream: &Arc<CudaStream>, bytes: usize) -> Outcome<Self> {
        let context = stream.context();
        let provider = ShmProviderBuilder::default_backend(bytes + (1 << 20)).wait()?;
        let mut stock = provider.alloc(bytes).wait()?;
        stock.fill(1);
        let pool = PinnedPool::builder().slots(1).slot_bytes(bytes).build()?;
        let mut slot = pool.alloc(bytes)?;
        slot.fill(1);
        let ours = Frame::from_payload(&slot.into_shm(), pinner)?;
        wait_until_registered(&ours, Duration::from_millis(1))?;
        let pinned = || PinnedBuffer::new(context, bytes);
        Ok(Self {
            stock,
            _provider: provider,
            ours,
            _pool: pool,
            caller: [pinned()?, pinned()?],
            next: 0,
            ceiling: pinned()?,
            destination: stream.alloc_zeros(bytes)?,
        })
    }

    /// The path that a frame of ours takes; `None` of the arms that ask nobody.
    pub(super) fn path(&self, arm: Arm) -> Option<DevicePath> {
        (arm == Arm::DevicePinned).then(|| self.ours.path())
    }

    /// One copy of the arm.
    pub(super) fn enqueue(&mut self, arm: Arm, stream: &Arc<CudaStream>) -> Outcome {
        let destination = &mut self.destination;
        match arm {
            Arm::DevicePlain => enqueue_pageable(&self.stock, destination, stream),
            Arm::DeviceCallerPinned => {
                self.next ^= 1;
                let buffer = &mut self.caller[self.next];
                buffer.bytes()?.copy_from_slice(&self.stock);
                buffer.enqueue(destination, stream)
            }
            Arm::DevicePinned => Ok(self.ours.copy_into(destination, stream)?),
            Arm::DeviceCeiling => self.ceiling.enqueue(destination, stream),
            other => Err(format!("{} does not copy to a device", other.name()).into()),
        }
    }
}

/// Waits until a frame's memory is registered, asking at this distance.
pub(super) fn wait_until_registered(frame: &Frame, distance: Duration) -> Outcome {
    const PATIENCE: Duration = Duration::from_secs(20);
    let begun = Instant::now();
    while let Err(reason) = frame.registered_address() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("a pool was not registered: {reason}").into());
        }
        std::thread::sleep(distance);
    }
    Ok(())
}
