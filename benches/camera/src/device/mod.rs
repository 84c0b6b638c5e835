//! Frames to the device and every word of them added up there, two at a time: while one is on its way the next one
//! is prepared. Each arm takes the bytes from another memory; everything else is the same.

mod kernel;
pub mod memory;

use std::{collections::VecDeque, sync::Arc};

use kernel::Kernel;
use memory::PinnedBuffer;
use zenoh_pinned::{
    DevicePath, Pinner,
    cudarc::driver::{CudaEvent, CudaSlice, CudaStream, sys::CUevent_flags},
};

use crate::{
    Outcome,
    arm::Arm,
    clock,
    consumer::{Held, Sighting, Sightings},
    frame::{self, FRAME_BYTES, Head},
    workload::{Orders, SLOTS},
};

/// Frames on their way at once.
const DEPTH: usize = 2;
/// Frames whose sums there is room for.
const SUMS: usize = 1 << 16;

/// What the caller's pinning and the ceiling copy from.
enum Source {
    /// What was received itself.
    Received,
    /// Buffers of the consumer's own, in turn, that received frames are copied to first.
    Caller([PinnedBuffer; DEPTH]),
    /// As many buffers as a producer has slots, with bytes that never change, and the sum of each.
    Ceiling(Vec<PinnedBuffer>, u64),
}

pub struct Device {
    stream: Arc<CudaStream>,
    kernel: Kernel,
    source: Source,
    buffers: [CudaSlice<u8>; DEPTH],
    sums: CudaSlice<u64>,
    /// For each frame, where it counts: its head, and the sum that it should have.
    taken: Vec<(Head, u64)>,
    on_their_way: VecDeque<OnItsWay>,
    last_path: char,
}

struct OnItsWay {
    head: Head,
    arrived: u64,
    path: char,
    copied: CudaEvent,
    /// Where nobody else keeps what is being read.
    _held: Option<Held>,
}

impl Device {
    pub fn open(orders: &Orders, pinner: &Pinner) -> Outcome<Self> {
        let context = pinner.context().ok_or_else(|| match pinner.reason() {
            Some(reason) => format!("no device: {reason}"),
            None => String::from("no device"),
        })?;
        let stream = context.new_stream()?;
        let pinned = || PinnedBuffer::new(context, FRAME_BYTES);
        let source = match orders.arm {
            Arm::DeviceCallerPinned => Source::Caller([pinned()?, pinned()?]),
            Arm::DeviceCeiling => {
                let mut buffers = (0..SLOTS).map(|_| pinned()).collect::<Outcome<Vec<_>>>()?;
                let mut sum = 0;
                for buffer in &mut buffers {
                    frame::write(buffer.bytes()?, 0, 0, 0);
                    sum = frame::sum(buffer.bytes()?);
                }
                Source::Ceiling(buffers, sum)
            }
            _ => Source::Received,
        };
        Ok(Self {
            kernel: Kernel::load(context)?,
            source,
            buffers: [
                stream.alloc_zeros(FRAME_BYTES)?,
                stream.alloc_zeros(FRAME_BYTES)?,
            ],
            sums: stream.alloc_zeros(SUMS)?,
            taken: Vec::new(),
            on_their_way: VecDeque::new(),
            last_path: ' ',
            stream,
        })
    }

    pub fn is_idle(&self) -> bool {
        self.on_their_way.is_empty()
    }

    /// Whether frames take the path that they will keep.
    pub fn is_settled(&self) -> bool {
        self.last_path != 's' && self.last_path != ' '
    }

    /// Enqueues a frame, once there is room.
    pub fn take(&mut self, held: Held, head: Head, arrived: u64, seen: &mut Sightings) -> Outcome {
        while self.on_their_way.len() >= DEPTH {
            self.finish_one(seen)?;
        }
        let index = self.taken.len();
        if index >= SUMS {
            return Err("more frames than there is room for sums".into());
        }
        let destination = &mut self.buffers[index % DEPTH];
        let stream = &self.stream;
        let mut expected = head.expected_sum(FRAME_BYTES);
        // The bytes that a CPU copies, ours or the driver's: a copy from memory that is not registered goes by way
        // of the driver's own buffers.
        let (path, copied, held) = match (&mut self.source, held) {
            (Source::Received, Held::Pinned(frame)) => {
                frame.copy_into(destination, stream)?;
                match frame.path() {
                    DevicePath::Direct => ('d', 0, None),
                    DevicePath::Staged => ('s', FRAME_BYTES, None),
                    DevicePath::Pageable | DevicePath::Host => ('p', FRAME_BYTES, None),
                }
            }
            (Source::Received, other) => {
                memory::enqueue_pageable(other.bytes(), destination, stream)?;
                ('p', FRAME_BYTES, Some(other))
            }
            (Source::Caller(buffers), held) => {
                let buffer = &mut buffers[index % DEPTH];
                buffer.bytes()?.copy_from_slice(held.bytes());
                // The slot is free again before the DMA begins.
                drop(held);
                buffer.enqueue(destination, stream)?;
                ('c', FRAME_BYTES, None)
            }
            (Source::Ceiling(buffers, sum), _) => {
                expected = *sum;
                buffers[index % SLOTS].enqueue(destination, stream)?;
                ('o', 0, None)
            }
        };
        self.last_path = path;
        // Waiting for it sleeps instead of spinning: CPU time is one of the figures.
        let copied_event = stream
            .context()
            .new_event(Some(CUevent_flags::CU_EVENT_BLOCKING_SYNC))?;
        copied_event.record(stream)?;
        self.kernel
            .sum_words(&self.buffers[index % DEPTH], &mut self.sums, index, stream)?;
        self.taken.push((head, expected));
        seen.check(&head, true, copied as u64);
        self.on_their_way.push_back(OnItsWay {
            head,
            arrived,
            path,
            copied: copied_event,
            _held: held,
        });
        Ok(())
    }

    /// Waits for the oldest one's last byte to be on the device.
    pub fn finish_one(&mut self, seen: &mut Sightings) -> Outcome {
        if let Some(oldest) = self.on_their_way.pop_front() {
            oldest.copied.synchronize()?;
            let used = clock::now();
            seen.add(Sighting::new(
                &oldest.head,
                oldest.arrived,
                used,
                oldest.path,
            ));
        }
        Ok(())
    }

    /// Waits for all, and checks every sum.
    pub fn close(&mut self, seen: &mut Sightings) -> Outcome {
        while !self.is_idle() {
            self.finish_one(seen)?;
        }
        let sums = self.stream.clone_dtoh(&self.sums)?;
        self.stream.synchronize()?;
        for ((head, expected), sum) in self.taken.iter().zip(sums) {
            seen.check(head, *expected == sum, 0);
        }
        Ok(())
    }
}
