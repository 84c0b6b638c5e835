//! From shared memory on the host to a device, by size and by the ways there are. Takes a real driver.
//!
//! Timed from before the copy until the stream has done it. The device's memory is there before, and the frame is
//! written once, before. What each way's copy leaves on the device is compared before it is timed.
//!
//! - pageable: the driver's own copy out of shared memory that is locked, as zenoh locks it, and not registered.
//! - staged by the caller: a copy by the processor into the driver's page-locked memory, and the DMA from there.
//! - registered: `Frame::copy_into` of a frame whose segment is registered, with all that it does to hold the slot.
//! - ceiling: the DMA out of the driver's own page-locked memory, whoever may have written it.

use criterion::{BenchmarkId, Criterion, Throughput};
use zenoh_pinned::{
    Frame, PinnedPool,
    cudarc::driver::{CudaSlice, PinnedHostSlice},
};

use crate::{
    Error, FRAME_BYTES, Outcome,
    device::{self, Device},
    memory::{Folder, Mapping},
    or_end,
    record::Record,
    sampling::{self, Group},
};

pub(crate) const BYTES: [usize; 9] = [
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
    4 << 20,
    FRAME_BYTES,
    16 << 20,
    64 << 20,
];

const GROUP: &str = "copy to the device";
/// What each byte of a frame is.
const FILL: u8 = 0xa5;

type Way = fn(&mut Copies<'_, '_>) -> Outcome;

const WAYS: [(&str, Way); 4] = [
    ("pageable", |copies| copies.pageable()),
    ("staged by the caller", |copies| copies.staged()),
    ("registered", |copies| copies.registered()),
    ("ceiling", |copies| copies.ceiling()),
];

pub(crate) fn measure(
    criterion: &mut Criterion,
    record: &mut Record,
    device: &Result<Device, String>,
) -> Outcome {
    let device = match device::worth_timing(device) {
        Ok(device) => device,
        Err(why) => return record.leave_out(GROUP, why),
    };
    let mut group = sampling::by_bytes(criterion, GROUP);
    for bytes in BYTES {
        group.throughput(Throughput::Bytes(bytes as u64));
        for (arm, way) in WAYS {
            let mut copies = Copies {
                group: &mut group,
                device,
                id: BenchmarkId::new(device.arm(arm), bytes),
                bytes,
            };
            if let Err(why) = way(&mut copies) {
                record.leave_out(&format!("{GROUP}, {bytes} bytes, {arm}"), why)?;
            }
        }
    }
    group.finish();
    Ok(())
}

/// Copies of one size by one way.
struct Copies<'a, 'b> {
    group: &'a mut Group<'b>,
    device: &'a Device,
    id: BenchmarkId,
    bytes: usize,
}

impl Copies<'_, '_> {
    fn pageable(&mut self) -> Outcome {
        let source = self.shared_memory()?;
        source.lock()?;
        let stream = &self.device.stream;
        self.time(|destination| Ok(stream.memcpy_htod(source.bytes(), destination)?))
    }

    fn staged(&mut self) -> Outcome {
        let source = self.shared_memory()?;
        let mut staging = self.driver_memory()?;
        let stream = &self.device.stream;
        self.time(|destination| {
            staging.as_mut_slice()?.copy_from_slice(source.bytes());
            Ok(stream.memcpy_htod(&staging, destination)?)
        })
    }

    fn registered(&mut self) -> Outcome {
        let device = self.device;
        let pool = PinnedPool::builder()
            .slots(1)
            .slot_bytes(self.bytes)
            .build()?;
        device.pinner.register_pool(&pool);
        let mut slot = pool.alloc(self.bytes)?;
        slot.fill(FILL);
        let frame = Frame::from_payload(&slot.into_shm(), &device.pinner)?;
        device.wait_until_registered(&frame)?;
        self.time(|destination| Ok(frame.copy_into(destination, &device.stream)?))
    }

    fn ceiling(&mut self) -> Outcome {
        let mut source = self.driver_memory()?;
        source.as_mut_slice()?.fill(FILL);
        let stream = &self.device.stream;
        self.time(|destination| Ok(stream.memcpy_htod(&source, destination)?))
    }

    /// A frame in shared memory that nothing is registered of.
    fn shared_memory(&self) -> Result<Mapping, Error> {
        let file = Folder::of_shared_memory()?.file()?;
        file.reserve(self.bytes)?;
        let mut mapping = file.map(self.bytes)?;
        mapping.bytes_mut().fill(FILL);
        Ok(mapping)
    }

    fn driver_memory(&self) -> Result<PinnedHostSlice<u8>, Error> {
        let context = &self.device.context;
        // SAFETY: whoever asked for it fills it before it is read. Without flags it is not write-combined, as
        // that of applications is not, which read it too.
        Ok(unsafe { context.alloc_pinned_with_flags(self.bytes, 0) }?)
    }

    fn time(&mut self, mut copy: impl FnMut(&mut CudaSlice<u8>) -> Outcome) -> Outcome {
        let stream = &self.device.stream;
        let mut destination = stream.alloc_zeros(self.bytes)?;
        copy(&mut destination)?;
        stream.synchronize()?;
        let copied = stream.clone_dtoh(&destination)?;
        stream.synchronize()?;
        if copied.iter().any(|byte| *byte != FILL) {
            return Err("the copy left other bytes on the device".into());
        }
        self.group.bench_function(self.id.clone(), |bencher| {
            bencher.iter(|| {
                or_end(copy(&mut destination));
                or_end(stream.synchronize());
            });
        });
        Ok(())
    }
}
