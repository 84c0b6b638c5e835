//! The CUDA context fails mid-stream, or somebody resets the device: what was in flight stays held, what
//! comes is refused with a typed error, frames stay readable, and a new pinner works where the driver does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod consumers;
mod mid_stream;
mod reset;

use std::{sync::Arc, time::Duration};

use cudarc::driver::{CudaStream, DevicePtr, sys};
use harness::{
    device::{BYTES, frame},
    driver, eventually, frames, peer, worker,
};
use zenoh::Wait;
use zenoh_pinned::{
    AllocError, CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner, cudarc,
};

const IN_FLIGHT: usize = 3;

fn with_double(settings: &str, body: impl FnOnce()) {
    if driver::only_real_is_here("a real context does not fail to order") {
        return;
    }
    // What a lost context had registered stays, so only misuse is looked for.
    driver::with_driver(settings, body).assert_no_violation();
}

fn pool() -> PinnedPool {
    PinnedPool::builder()
        .slots(IN_FLIGHT as u32 + 1)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// A pinner that has registered the pool.
fn registered(pool: &PinnedPool, ordinal: usize) -> (Pinner, Arc<CudaStream>) {
    let pinner = Pinner::builder()
        .device(ordinal)
        .staging(2, 1 << 20)
        .build();
    let stream = pinner.context().expect("no device").new_stream().unwrap();
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    eventually("no frame is held", || pool.statistics().in_use == 0);
    (pinner, stream)
}

/// Copies under way, whose frames are gone; where on the double's device they go, and what keeps that.
fn copies_in_flight(
    pool: &PinnedPool,
    pinner: &Pinner,
    stream: &Arc<CudaStream>,
) -> (Vec<u64>, Box<dyn std::any::Any>) {
    let copies: Vec<_> = (0..IN_FLIGHT as u64)
        .map(|sequence| {
            frame(pool, pinner, sequence)
                .copy_to_device(stream)
                .unwrap()
        })
        .collect();
    let address = |device: &cudarc::driver::CudaSlice<u8>| device.device_ptr(stream).0;
    let addresses = copies.iter().map(address).collect();
    assert_eq!(driver::count("pending_copies"), IN_FLIGHT as u64);
    (addresses, Box::new(copies))
}

/// The double's device memory is memory of the process.
fn arrived(address: u64, sequence: u64) -> bool {
    // SAFETY: the double's block of that many bytes, which the caller keeps and nothing writes any more.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, BYTES) };
    frames::is_frame(bytes, sequence)
}

fn is_lost(error: &CopyError, expected: u32) -> bool {
    matches!(error, CopyError::ContextLost { code, .. } if *code == expected)
}

/// What is true of a pinner from the moment on that its context is lost.
fn assert_lost(pool: &PinnedPool, pinner: &Pinner, stream: &Arc<CudaStream>, code: u32) {
    let held = frame(pool, pinner, 77);
    let error = held.copy_to_device(stream).unwrap_err();
    assert!(is_lost(&error, code), "{error}");
    assert!(error.to_string().contains("make a new pinner"), "{error}");
    eventually("what was in flight is given up for lost", || {
        pinner.statistics().holds_leaked == IN_FLIGHT
    });
    let calls = driver::count("cuMemcpyHtoDAsync_v2") + driver::count("cuMemAllocAsync");
    for _ in 0..100 {
        assert!(is_lost(&held.copy_to_device(stream).unwrap_err(), code));
    }
    let after = driver::count("cuMemcpyHtoDAsync_v2") + driver::count("cuMemAllocAsync");
    assert_eq!(after, calls, "a lost context is left alone");
    let statistics = pinner.statistics();
    assert_eq!(
        (statistics.holds_leaked, statistics.copies_in_flight),
        (IN_FLIGHT, IN_FLIGHT),
        "attempts cost no slots"
    );
    let lost = pinner.lost().expect("it is lost");
    assert!(matches!(lost, FallbackReason::ContextLost { code: found, .. } if found == code));
    assert_eq!((held.path(), held.reason()), (DevicePath::Host, Some(lost)));
    assert!(frames::is_frame(&held, 77), "readable on the host");
    drop(held);
    assert!(
        frames::is_frame(&frame(pool, pinner, 78), 78),
        "new ones arrive"
    );
}
