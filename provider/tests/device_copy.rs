//! Copies to and from the device: what arrives, by which path, and what is held meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{sync::Arc, time::Duration};

use cudarc::driver::{CudaSlice, CudaStream};
use harness::{driver, eventually, frames, peer, worker};
use zenoh::{Wait, bytes::ZBytes};
use zenoh_pinned::{
    AllocError, CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner, cudarc,
};

const BYTES: usize = 256 << 10;

fn pool(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

fn payload(pool: &PinnedPool, sequence: u64) -> ZBytes {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    slot.into_shm()
}

fn frame(pool: &PinnedPool, pinner: &Pinner, sequence: u64) -> Frame {
    Frame::from_payload(&payload(pool, sequence), pinner).unwrap()
}

fn device() -> (Pinner, Arc<CudaStream>) {
    let pinner = Pinner::builder().device(0).staging(2, 1 << 20).build();
    let stream = pinner.context().expect("no device").new_stream().unwrap();
    (pinner, stream)
}

/// A pinner that has registered the pool and its staging slots.
fn registered(pool: &PinnedPool) -> (Pinner, Arc<CudaStream>) {
    let (pinner, stream) = device();
    pinner.register_pool(pool);
    let bytes = pool.statistics().bytes + (2 << 20);
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    assert_eq!(pinner.statistics().registered_bytes, bytes);
    (pinner, stream)
}

fn holds(stream: &Arc<CudaStream>, device: &CudaSlice<u8>, sequence: u64) -> bool {
    frames::is_frame(&stream.clone_dtoh(device).unwrap(), sequence)
}

#[test]
fn a_thousand_frames_dropped_at_once_arrive_whole_though_they_are_copied_late() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("worker_consumer_of_a_thousand")
        .with("ENDPOINT", &endpoint)
        .with_driver("copy_delay_us=5000")
        .start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "frames");
    let pool = pool(8);
    for sequence in 0..1000 {
        publisher.put(payload(&pool, sequence)).wait().unwrap();
    }
    println!("{:?}", pool.statistics());
    assert_eq!(consumer.line("whole"), "1000");
    let report = consumer.end();
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let segment = (8 * BYTES + 4096) as u64;
        let of_segment = made.iter().filter(|(bytes, _)| *bytes == segment).count();
        assert_eq!(of_segment, 1, "one registration a segment: {made:?}");
        assert!(
            made.iter().all(|(_, thread)| thread == "zpin-registrar"),
            "{made:?}"
        );
    }
    pool.drain(Duration::from_secs(30)).unwrap();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_a_thousand() {
    let (pinner, stream) = device();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    let mut paths = [0; 4];
    let copies: Vec<_> = (0..1000)
        .map(|_| {
            let sample = subscriber.recv().unwrap();
            let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
            drop(sample);
            let device = frame.copy_to_device(&stream).unwrap();
            paths[frame.path() as usize] += 1;
            device
        })
        .collect();
    let whole = (0..)
        .zip(&copies)
        .filter(|(sequence, device)| holds(&stream, device, *sequence))
        .count();
    println!("paths {paths:?}");
    assert!(paths[DevicePath::Direct as usize] > 900, "{paths:?}");
    println!("whole {whole}");
    worker::wait_for_end();
    drop((copies, subscriber));
    session.close().wait().unwrap();
}

#[test]
fn a_slot_is_not_free_before_the_copy_out_of_it_has_executed() {
    driver::with_driver("copy_delay_us=30000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        for sequence in 0..5 {
            let frame = frame(&pool, &pinner, sequence);
            let device = frame.copy_to_device(&stream).unwrap();
            assert_eq!(frame.path(), DevicePath::Direct);
            drop(frame);
            if !driver::is_real() {
                assert!(matches!(
                    pool.try_alloc(BYTES),
                    Err(AllocError::TimedOut { .. })
                ));
                assert_eq!(pinner.statistics().copies_in_flight, 1);
            }
            // The next frame waits for the hold, and overwrites the slot as soon as it may.
            pool.alloc(BYTES).unwrap().fill(0xee);
            assert!(holds(&stream, &device, sequence));
        }
    })
    .assert_clean();
}

#[test]
fn a_hold_outlives_its_stream() {
    driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let reader = pinner.context().unwrap().new_stream().unwrap();
        // The device memory belongs to the reader's stream, so that the other one can go.
        let mut device = reader.alloc_zeros::<u8>(BYTES).unwrap();
        reader.synchronize().unwrap();
        frame(&pool, &pinner, 7)
            .copy_into(&mut device, &stream)
            .unwrap();
        drop(stream);
        pool.alloc(BYTES).unwrap().fill(0xee);
        eventually("the hold", || pinner.statistics().copies_in_flight == 0);
        assert!(holds(&reader, &device, 7));
    })
    .assert_clean();
}

#[test]
fn a_failed_context_keeps_its_holds_and_the_copy_is_never_of_reused_bytes() {
    if driver::is_real() {
        println!("skipped: a real context cannot be made to fail here");
        return;
    }
    driver::with_driver("copy_delay_us=50000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let held = frame(&pool, &pinner, 1);
        let device = held.copy_to_device(&stream).unwrap();
        driver::set("fail_context");
        let error = held.copy_to_device(&stream).unwrap_err();
        println!("{error}");
        drop(held);
        eventually("the hold is given up for lost", || {
            pinner.statistics().holds_leaked >= 1
        });
        assert!(
            pool.alloc_timeout(BYTES, Duration::from_millis(100))
                .is_err(),
            "the slot stays held"
        );
        drop((device, stream));
        // Nothing can be unregistered any more, so nothing is unmapped; no panic, no hang.
        drop(pinner);
        drop(pool);
    });
}

#[test]
fn a_frame_that_comes_before_its_registration_is_staged() {
    if driver::is_real() {
        println!("skipped: a real registration cannot be slowed down");
        return;
    }
    // Only the pool's segment registers slowly; it is larger than the staging slots.
    driver::with_driver(
        "delay=cuMemHostRegister_v2:300000:4000000,copy_delay_us=1000",
        || {
            let pool = pool(16);
            let (pinner, stream) = device();
            eventually("staging slots", || {
                pinner.statistics().registered_bytes == 2 << 20
            });
            let early = frame(&pool, &pinner, 1);
            assert_eq!(
                (early.path(), early.reason()),
                (
                    DevicePath::Staged,
                    Some(FallbackReason::RegistrationPending)
                )
            );
            let device = early.copy_to_device(&stream).unwrap();
            assert_eq!(
                (early.path(), early.reason()),
                (
                    DevicePath::Staged,
                    Some(FallbackReason::RegistrationPending)
                )
            );
            assert!(holds(&stream, &device, 1));
            eventually("registration", || {
                frame(&pool, &pinner, 0).path() == DevicePath::Direct
            });
            let late = frame(&pool, &pinner, 2);
            assert_eq!((late.path(), late.reason()), (DevicePath::Direct, None));
            assert!(holds(&stream, &late.copy_to_device(&stream).unwrap(), 2));
        },
    )
    .assert_clean();
}

#[test]
fn staged_frames_are_whole_though_their_staging_slots_are_used_again_and_again() {
    driver::with_driver("copy_delay_us=3000", || {
        // Beyond the budget, so that nothing is ever direct.
        let pinner = Pinner::builder()
            .device(0)
            .staging(2, 1 << 20)
            .max_bytes(2 << 20)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        eventually("staging slots", || {
            pinner.statistics().registered_bytes == 2 << 20
        });
        let pool = pool(4);
        let mut paths = [0; 4];
        let copies: Vec<_> = (0..100)
            .map(|sequence| {
                let frame = frame(&pool, &pinner, sequence);
                let device = frame.copy_to_device(&stream).unwrap();
                paths[frame.path() as usize] += 1;
                std::thread::sleep(Duration::from_micros(if sequence % 3 == 0 {
                    4000
                } else {
                    0
                }));
                device
            })
            .collect();
        assert!(
            (0..)
                .zip(&copies)
                .all(|(sequence, device)| holds(&stream, device, sequence))
        );
        assert!(paths[DevicePath::Staged as usize] >= 10, "{paths:?}");
        assert_eq!(paths[DevicePath::Direct as usize], 0, "{paths:?}");
    })
    .assert_clean();
}

#[test]
fn frames_larger_than_a_staging_slot_have_larger_ones_made() {
    driver::with_driver("attribute=0:0", || {
        let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        // An ordinary payload: it can only be staged.
        let mut bytes = vec![0; 3_000_000];
        frames::fill(&mut bytes, 5);
        let payload = ZBytes::from(bytes);
        eventually("a staged copy", || {
            let frame = Frame::from_payload(&payload, &pinner).unwrap();
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(holds(&stream, &device, 5));
            frame.path() == DevicePath::Staged
                && frame.reason() == Some(FallbackReason::NotSharedMemory)
        });
    })
    .assert_clean();
}

#[test]
fn larger_staging_slots_take_the_budget_of_the_smaller_ones() {
    driver::with_driver("", || {
        // Room for the three small slots or for two large ones, not for both.
        let pinner = Pinner::builder()
            .device(0)
            .staging(3, 1 << 20)
            .max_bytes(5 << 20)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        eventually("small slots", || {
            pinner.statistics().registered_bytes == 3 << 20
        });
        let payload = ZBytes::from(vec![7; 2_000_000]);
        eventually("large slots", || {
            let frame = Frame::from_payload(&payload, &pinner).unwrap();
            drop(frame.copy_to_device(&stream).unwrap());
            frame.path() == DevicePath::Staged
        });
        assert_eq!(pinner.statistics().registered_bytes, 4 << 20);
    })
    .assert_clean();
}

#[test]
fn without_staging_slots_the_driver_copies_and_the_reason_is_told() {
    driver::with_driver("copy_delay_us=3000", || {
        let pinner = Pinner::builder()
            .device(0)
            .staging(0, 0)
            .max_bytes(4096)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let pool = pool(2);
        eventually("a refusal", || {
            let frame = frame(&pool, &pinner, 3);
            let device = frame.copy_to_device(&stream).unwrap();
            drop(payload(&pool, 4));
            assert!(holds(&stream, &device, 3));
            assert_eq!(frame.path(), DevicePath::Pageable);
            matches!(
                frame.reason(),
                Some(FallbackReason::OverBudget {
                    limit_bytes: 4096,
                    ..
                })
            )
        });
    })
    .assert_clean();
}

#[test]
fn a_frame_is_copied_into_existing_device_memory_of_its_own_length_only() {
    driver::with_driver("copy_delay_us=1000", || {
        let pool = pool(2);
        let (pinner, stream) = registered(&pool);
        let mut batch = stream.alloc_zeros::<u8>(2 * BYTES).unwrap();
        let frame = frame(&pool, &pinner, 9);
        let error = frame.copy_into(&mut batch, &stream).unwrap_err();
        assert!(
            matches!(
                error,
                CopyError::Length {
                    source_bytes: BYTES,
                    ..
                }
            ),
            "{error}"
        );
        frame
            .copy_into(&mut batch.slice_mut(BYTES..), &stream)
            .unwrap();
        let batch = stream.clone_dtoh(&batch).unwrap();
        assert!(batch[..BYTES].iter().all(|byte| *byte == 0));
        assert!(frames::is_frame(&batch[BYTES..], 9));
    })
    .assert_clean();
}

#[test]
fn cudarcs_own_copies_take_a_frame_and_never_write_one() {
    driver::with_driver("copy_delay_us=5000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let mut frame = frame(&pool, &pinner, 11);
        let device = stream.clone_htod(&frame).unwrap();
        let mut other = stream.alloc_zeros::<u8>(BYTES).unwrap();
        assert!(holds(&stream, &device, 11));
        let _ = stream.memcpy_dtoh(&other, &mut frame);
        assert!(
            stream.memset_zeros(&mut other).is_err(),
            "the attempt is reported by the next call"
        );
        assert!(frames::is_frame(&frame, 11));
        drop(frame);
        pool.alloc(BYTES).unwrap().fill(0xee);
        assert!(holds(&stream, &device, 11));
    })
    .assert_clean();
}

#[test]
fn a_device_writes_a_slot_that_is_published_when_it_has() {
    driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let mut bytes = vec![0; BYTES];
        frames::fill(&mut bytes, 21);
        let device = stream.clone_htod(&bytes).unwrap();
        let slot = pool.alloc(BYTES).unwrap();
        let copying = slot.copy_from_device(&device, &stream, &pinner).unwrap();
        let payload = copying.wait().unwrap().into_shm();
        assert!(frames::is_frame(&payload.to_bytes(), 21));
        drop(payload);
        // Given up half-way: the slot comes back only when the device no longer writes it.
        drop(
            pool.alloc(BYTES)
                .unwrap()
                .copy_from_device(&device, &stream, &pinner)
                .unwrap(),
        );
        let mut slot = pool.alloc(BYTES).unwrap();
        slot.fill(0xee);
        stream.synchronize().unwrap();
        assert!(slot.iter().all(|byte| *byte == 0xee));
        let wrong = pool.statistics();
        drop(slot);
        let short = pool
            .alloc(10)
            .unwrap()
            .copy_from_device(&device, &stream, &pinner);
        assert!(matches!(short, Err(CopyError::Length { .. })), "{wrong:?}");
    })
    .assert_clean();
}

#[test]
fn pinners_of_one_process_share_the_registration_of_a_segment() {
    let report = driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(2);
        let (first, stream) = registered(&pool);
        let (second, _) = registered_by_another(&pool);
        let frame = frame(&pool, &second, 5);
        let device = frame.copy_to_device(&stream).unwrap();
        assert_eq!(frame.path(), DevicePath::Direct);
        drop(frame);
        // The one that registered goes while the other's copy is under way.
        drop(first);
        assert!(holds(&stream, &device, 5));
    });
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let segment = (2 * BYTES + 4096) as u64;
        assert_eq!(
            made.iter().filter(|(bytes, _)| *bytes == segment).count(),
            1,
            "{made:?}"
        );
    }
}

fn registered_by_another(pool: &PinnedPool) -> (Pinner, Arc<CudaStream>) {
    let (pinner, stream) = device();
    pinner.register_pool(pool);
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    (pinner, stream)
}

#[test]
fn a_payload_outlives_its_pool() {
    let pinner = Pinner::host_only();
    let pool = pool(2);
    let payload = payload(&pool, 3);
    drop(pool);
    let frame = Frame::from_payload(&payload, &pinner).unwrap();
    assert!(frame.is_shared() && frames::is_frame(&frame, 3));
}

#[test]
fn a_payload_in_several_pieces_is_put_together() {
    let pinner = Pinner::host_only();
    let pool = pool(1);
    let mut pieces = ZBytes::writer();
    pieces.append(payload(&pool, 8));
    pieces.append(ZBytes::from(vec![1, 2, 3]));
    let frame = Frame::from_payload(&pieces.finish(), &pinner).unwrap();
    assert_eq!(frame.len(), BYTES + 3);
    assert!(!frame.is_shared() && frames::is_frame(&frame[..BYTES], 8));
    assert_eq!(frame[BYTES..], [1, 2, 3]);
}

#[test]
fn a_process_that_exits_with_copies_in_flight_makes_no_late_call() {
    driver::with_driver("copy_delay_us=200000", || {
        let pool = pool(4);
        let (pinner, stream) = registered(&pool);
        for sequence in 0..4 {
            let device = frame(&pool, &pinner, sequence)
                .copy_to_device(&stream)
                .unwrap();
            std::mem::forget(device);
        }
        // As a program does that calls `exit` in the middle of its work.
        std::mem::forget((pool, pinner, stream));
    })
    .assert_no_violation();
}

#[test]
fn a_host_only_pinner_says_so_and_copies_nowhere() {
    let pinner = Pinner::host_only();
    let pool = pool(1);
    let frame = frame(&pool, &pinner, 1);
    assert_eq!(
        (frame.path(), frame.reason()),
        (DevicePath::Host, Some(FallbackReason::HostOnly))
    );
    assert!(frames::is_frame(&frame, 1));
    assert!(harness::shm::maps_naming(std::process::id(), "libcuda").is_empty());
}
