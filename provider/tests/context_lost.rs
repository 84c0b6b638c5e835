//! The CUDA context fails mid-stream, or somebody resets the device: what was in flight stays held, what
//! comes is refused with a typed error, frames stay readable, and a new pinner works where the driver does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{sync::Arc, time::Duration};

use cudarc::driver::{CudaStream, DevicePtr, sys};
use harness::{driver, eventually, frames, peer, worker};
use zenoh::Wait;
use zenoh_pinned::{
    AllocError, CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner, cudarc,
};

const BYTES: usize = 64 << 10;
const IN_FLIGHT: usize = 3;

fn with_double(settings: &str, body: impl FnOnce()) {
    if driver::is_real() {
        println!("skipped: a real context does not fail to order");
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

fn frame(pool: &PinnedPool, pinner: &Pinner, sequence: u64) -> Frame {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    Frame::from_payload(&slot.into_shm(), pinner).unwrap()
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

#[test]
fn a_context_lost_mid_stream_keeps_what_was_in_flight_and_refuses_the_rest() {
    with_double("", || {
        for code in [700, 719] {
            driver::set("copy_delay_us=300000");
            let pool = pool();
            let (pinner, stream) = registered(&pool, 0);
            let (addresses, copies) = copies_in_flight(&pool, &pinner, &stream);
            driver::set(&format!("lose_context=0:{code}"));
            assert_lost(&pool, &pinner, &stream, code);
            // The slots of the copies stay out of use, the fourth goes round.
            let last = pool.try_alloc(BYTES).unwrap();
            let error = pool.try_alloc(BYTES).unwrap_err();
            assert!(matches!(error, AllocError::TimedOut { .. }), "{error}");
            drop((last, stream, pinner));
            // The device reads on although nobody can ask it any more.
            eventually("the copies", || driver::count("pending_copies") == 0);
            for (address, sequence) in addresses.into_iter().zip(0..) {
                assert!(
                    arrived(address, sequence),
                    "copied from reused or unmapped memory"
                );
            }
            drop((copies, pool));
            assert_eq!(driver::count("contexts"), 0, "the context has been let go");
        }
    });
}

#[test]
fn a_new_pinner_works_where_the_driver_makes_a_new_context() {
    with_double("copy_delay_us=20000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let copies = copies_in_flight(&pool, &pinner, &stream);
        driver::set("lose_context=0:700");
        assert_lost(&pool, &pinner, &stream, 700);
        drop((copies, stream, pinner));
        let pinner = Pinner::builder().device(0).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        for sequence in 0..20 {
            let frame = frame(&pool, &pinner, sequence);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_frame(
                &stream.clone_dtoh(&device).unwrap(),
                sequence
            ));
        }
        assert_eq!(pinner.lost(), None);
        eventually("no hold is left", || {
            pinner.statistics().copies_in_flight == 0
        });
        assert_eq!(pinner.statistics().holds_leaked, 0);
    });
}

#[test]
fn a_device_reset_under_copies_and_registrations_is_found_out_and_left_alone() {
    with_double("copy_delay_us=300000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let buffer = frame(&pool, &pinner, 9)
            .copy_to_device_buffer(&stream)
            .unwrap();
        buffer.copy_to_host(&mut vec![0; BYTES]).unwrap();
        eventually("its hold", || pinner.statistics().copies_in_flight == 0);
        let (addresses, copies) = copies_in_flight(&pool, &pinner, &stream);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        eventually("the reset is found out", || pinner.lost().is_some());
        assert_lost(&pool, &pinner, &stream, 709);
        assert!(is_lost(
            &buffer
                .lend_to(&stream)
                .map_or_else(|error| error, |()| panic!()),
            709
        ));
        drop((stream, pinner));
        std::mem::forget(copies);

        // A new context has the old one's handle, and may give its addresses to somebody else.
        let pinner = Pinner::builder().device(0).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let frees = driver::count("cuMemFreeAsync") + driver::count("cuMemFree_v2");
        drop(buffer);
        let after = driver::count("cuMemFreeAsync") + driver::count("cuMemFree_v2");
        assert_eq!(after, frees, "a stale address was freed");
        driver::set("copy_delay_us=1000");
        eventually("a registration in the new context", || {
            let frame = frame(&pool, &pinner, 5);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_frame(&stream.clone_dtoh(&device).unwrap(), 5));
            frame.path() == DevicePath::Direct
        });
        eventually("the old copies", || driver::count("pending_copies") == 0);
        for (address, sequence) in addresses.into_iter().zip(0..) {
            assert!(
                arrived(address, sequence),
                "copied from reused or unmapped memory"
            );
        }
    });
}

#[test]
fn a_reset_that_nobody_copied_under_ends_quietly() {
    with_double("", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        assert!(pinner.statistics().registered_bytes > 0);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        drop((stream, pinner));
        drop(pool);
    });
}

#[test]
fn the_loss_of_one_devices_context_leaves_the_other_device_alone() {
    with_double("devices=2,copy_delay_us=20000", || {
        let pool = pool();
        // They share the registration, which the first has made.
        let (first, lost_stream) = registered(&pool, 0);
        let (second, stream) = registered(&pool, 1);
        driver::set("lose_context=0:700");
        let error = frame(&pool, &first, 1)
            .copy_to_device(&lost_stream)
            .unwrap_err();
        assert!(is_lost(&error, 700), "{error}");
        drop((first, lost_stream));
        for sequence in 0..20 {
            let device = frame(&pool, &second, sequence)
                .copy_to_device(&stream)
                .unwrap();
            assert!(frames::is_frame(
                &stream.clone_dtoh(&device).unwrap(),
                sequence
            ));
        }
        assert_eq!(second.lost(), None);
    });
}

#[test]
fn the_reset_of_one_device_has_the_other_register_anew() {
    with_double("devices=2", || {
        let pool = pool();
        let (first, stream_of_first) = registered(&pool, 0);
        let (second, stream) = registered(&pool, 1);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        let error = frame(&pool, &first, 1).copy_to_device(&stream_of_first);
        assert!(is_lost(&error.unwrap_err(), 709));
        let lost = frame(&pool, &second, 1);
        assert!(matches!(
            lost.registered_address(),
            Err(FallbackReason::ContextLost { .. })
        ));
        drop(lost);
        eventually("a registration by the other", || {
            let frame = frame(&pool, &second, 2);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_frame(&stream.clone_dtoh(&device).unwrap(), 2));
            frame.path() == DevicePath::Direct
        });
    });
}

#[test]
fn events_of_a_context_that_was_reset_and_made_anew_are_never_destroyed() {
    with_double("copy_delay_us=300000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let copies = copies_in_flight(&pool, &pinner, &stream);
        // Whoever asks about a copy now gets the answer when there is a new context of the same handle.
        driver::set("delay=cuEventQuery:100000");
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        let second = Pinner::builder().device(0).build();
        assert_eq!(second.reason(), None);
        eventually("the reset is found out", || pinner.lost().is_some());
        eventually("what was in flight is given up for lost", || {
            pinner.statistics().holds_leaked == IN_FLIGHT
        });
        // cudarc's own values call with stale handles when they go: the application's business.
        std::mem::forget((copies, stream));
        drop(pinner);
        assert_eq!(second.lost(), None);
    });
}

#[test]
fn a_consumer_that_loses_its_context_reads_on_and_the_others_notice_nothing() {
    if driver::is_real() {
        println!("skipped: a real context does not fail to order");
        return;
    }
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let mut consumers = ["20", "never"].map(|lose_at| {
        worker::orders("worker_consumer")
            .with("ENDPOINT", &endpoint)
            .with("LOSE_AT", lose_at)
            .with_driver("copy_delay_us=5000")
            .start()
    });
    let ready = session.declare_subscriber("ready").wait().unwrap();
    consumers
        .iter_mut()
        .for_each(|consumer| drop(consumer.line("listening")));
    for _ in &consumers {
        ready.recv().unwrap();
    }
    let publisher = peer::publisher(&session, "frames");
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap();
    for sequence in 0..200 {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    let [losing, other] = &mut consumers;
    let leaked: u32 = losing.line("leaked").parse().unwrap();
    assert_eq!(other.line("leaked"), "0");
    assert_eq!(
        (losing.line("host"), losing.line("device")),
        ("180".into(), "20".into())
    );
    assert_eq!(
        (other.line("host"), other.line("device")),
        ("0".into(), "200".into())
    );
    eventually("all but the lost slots", || {
        pool.statistics().in_use == leaked
    });
    losing.end().assert_no_violation();
    other.end().assert_clean();
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer() {
    let pinner = Pinner::builder().device(0).build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    peer::publisher(&session, "ready").put("").wait().unwrap();
    let (mut host, mut copies) = (0, Vec::new());
    for sequence in 0..200 {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        drop(sample);
        if worker::order("LOSE_AT") == sequence.to_string() {
            driver::set("lose_context=0:719");
        }
        match frame.copy_to_device(&stream) {
            Ok(device) => copies.push((sequence, device)),
            Err(CopyError::ContextLost { code: 719, .. }) => {
                assert!(frames::is_frame(&frame, sequence));
                host += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    if pinner.lost().is_none() {
        let whole =
            |(sequence, device)| frames::is_frame(&stream.clone_dtoh(device).unwrap(), sequence);
        assert!(
            copies
                .iter()
                .map(|(sequence, device)| (*sequence, device))
                .all(whole)
        );
    }
    eventually("what is in flight ends or is lost", || {
        let statistics = pinner.statistics();
        statistics.copies_in_flight == statistics.holds_leaked
    });
    println!("leaked {}", pinner.statistics().holds_leaked);
    println!("host {host}");
    println!("device {}", copies.len());
    worker::wait_for_end();
    drop(subscriber);
    session.close().wait().unwrap();
}
