//! Copies to the device by size, from the four kinds of memory; what a registration costs, and after how many frames
//! it has paid.
//!
//! One process. The plain and the caller's copies read a chunk of zenoh's own pool, ours a slot of a pinned one, the
//! ceiling reads memory that the driver allocated. Arms alternate; each sample is a row of copies on one stream.
//! `look` is the first figure of a machine: four sizes, a line for each arm, within seconds.

mod look;
mod sources;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub use look::look;

use serde::{Deserialize, Serialize};
use zenoh_pinned::{Frame, PinnedPool, Pinner, cudarc::driver::CudaStream};

use crate::{Outcome, arm::Arm, clock, plan::Length, report::median};
use sources::Sources;

/// Bytes that one sample moves, at least, in no more copies than that.
const BYTES_OF_A_SAMPLE: usize = 64 << 20;
const MOST_COPIES: usize = 256;
/// What one wants to know first comes first.
const SIZES_BY_WORTH: [usize; 9] = [
    crate::frame::FRAME_BYTES,
    1 << 20,
    64 << 10,
    64 << 20,
    256 << 10,
    4 << 20,
    16 << 20,
    4 << 10,
    16 << 10,
];

/// What one arm does at one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Copies {
    pub arm: Arm,
    pub bytes: usize,
    /// Of a row of copies; the median.
    pub gigabytes_per_second: f64,
    /// From the call to the last byte on the device, of one copy alone, in microseconds; the median.
    pub alone_microseconds: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BySize {
    pub copies: Vec<Copies>,
    /// Bytes of the pool whose registration was timed.
    pub registered_bytes: usize,
    /// From the first frame of a new pool to its registration, in microseconds; the median.
    pub registration_microseconds: f64,
}

impl BySize {
    pub fn of(&self, arm: Arm, bytes: usize) -> Option<&Copies> {
        let mut all = self.copies.iter();
        all.find(|copies| copies.arm == arm && copies.bytes == bytes)
    }

    /// After how many frames of this size a pool's registration has paid beside copying them to the caller's own
    /// buffers; `None` where it never does.
    pub fn break_even(&self, bytes: usize) -> Option<f64> {
        let caller = self.of(Arm::DeviceCallerPinned, bytes)?;
        let ours = self.of(Arm::DevicePinned, bytes)?;
        let saved = caller.alone_microseconds - ours.alone_microseconds;
        (saved > 0.0).then(|| self.registration_microseconds / saved)
    }
}

/// Gives what there is after each size to `save`; no size is begun after the deadline.
pub fn measure(
    pinner: &Pinner,
    length: Length,
    deadline: Option<Instant>,
    mut save: impl FnMut(&BySize) -> Outcome,
) -> Outcome {
    let (repetitions, most_copies) = match length {
        Length::Trial => (1, 2),
        _ => (9, MOST_COPIES),
    };
    let context = pinner.context().ok_or("no device")?;
    let stream = context.new_stream()?;
    let registered_bytes = 64 << 20;
    let registrations = (0..repetitions.min(5))
        .map(|_| registration(pinner, registered_bytes))
        .collect::<Outcome<Vec<_>>>()?;
    let mut all = BySize {
        copies: Vec::new(),
        registered_bytes,
        registration_microseconds: median(registrations),
    };
    save(&all)?;
    for bytes in SIZES_BY_WORTH {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            eprintln!("no time is left for copies of {bytes} bytes");
            continue;
        }
        let row = (BYTES_OF_A_SAMPLE / bytes).clamp(1, most_copies);
        let copies = of_size(pinner, &stream, bytes, repetitions, row)?;
        let rates = copies
            .iter()
            .map(|copies| format!("{:.2}", copies.gigabytes_per_second));
        let rates: Vec<_> = rates.collect();
        eprintln!(
            "copies of {bytes} bytes, (a) to (d): {} GB/s",
            rates.join(", ")
        );
        all.copies.extend(copies);
        all.copies.sort_by_key(|copies| (copies.bytes, copies.arm));
        save(&all)?;
    }
    Ok(())
}

fn of_size(
    pinner: &Pinner,
    stream: &Arc<CudaStream>,
    bytes: usize,
    repetitions: usize,
    row: usize,
) -> Outcome<Vec<Copies>> {
    let mut sources = Sources::new(pinner, stream, bytes)?;
    let mut rows = [const { Vec::new() }; Arm::COPYING.len()];
    let mut alone = [const { Vec::new() }; Arm::COPYING.len()];
    for repetition in 0..=repetitions {
        for (index, arm) in Arm::COPYING.into_iter().enumerate() {
            let begun = clock::now();
            for _ in 0..row {
                sources.enqueue(arm, stream)?;
            }
            stream.synchronize()?;
            let all = clock::now() - begun;
            let begun = clock::now();
            sources.enqueue(arm, stream)?;
            stream.synchronize()?;
            let one = clock::now() - begun;
            // The first time warms up.
            if repetition > 0 {
                rows[index].push((row * bytes) as f64 / all as f64);
                alone[index].push(one as f64 / 1e3);
            }
        }
    }
    let arms = Arm::COPYING.into_iter().zip(rows.into_iter().zip(alone));
    Ok(arms
        .map(|(arm, (row, alone))| Copies {
            arm,
            bytes,
            gigabytes_per_second: median(row),
            alone_microseconds: median(alone),
        })
        .collect())
}

/// Microseconds from the first frame of a new pool of so many bytes until it is registered.
fn registration(pinner: &Pinner, bytes: usize) -> Outcome<f64> {
    let pool = PinnedPool::builder().slots(1).slot_bytes(bytes).build()?;
    let slot = pool.alloc(bytes)?;
    let begun = clock::now();
    let frame = Frame::from_payload(&slot.into_shm(), pinner)?;
    sources::wait_until_registered(&frame, Duration::from_micros(20))?;
    Ok((clock::now() - begun) as f64 / 1e3)
}
