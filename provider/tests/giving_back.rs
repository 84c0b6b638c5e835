//! What idles is given back, and what is in use never is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::Duration;

use harness::{driver, eventually, frames, host, peer, worker};
use zenoh::{Wait, bytes::ZBytes};
use zenoh_pinned::{
    DevicePath, FallbackReason, Frame, HostUsage, PinnedPool, Pinner, PoolError, Pressure,
};

const BYTES: usize = 64 << 10;
/// A segment of one such slot.
const SEGMENT: u64 = (BYTES + 4096) as u64;
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(3600);

fn published(pool: &PinnedPool, sequence: u64) -> ZBytes {
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, sequence);
    slot.into_shm()
}

fn single() -> PinnedPool {
    let builder = PinnedPool::builder().slots(1).slot_bytes(BYTES);
    builder.build().unwrap()
}

#[test]
fn an_idle_registration_goes_and_comes_back_and_one_in_use_stays() {
    let report = driver::with_driver("copy_delay_us=1000", || {
        let pinner = Pinner::builder()
            .device(0)
            .staging(1, 1 << 20)
            .time_to_live(SHORT)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let registered = || pinner.statistics().registered_bytes - (1 << 20);
        let (used, idle) = (single(), single());
        let (in_use, payload) = (published(&used, 1), published(&idle, 2));
        let frame = |payload| Frame::from_payload(payload, &pinner).unwrap();
        let held = frame(&in_use);
        eventually("both are registered", || {
            frame(&payload).reason().is_none() && held.reason().is_none()
        });
        assert_eq!(registered(), 2 * SEGMENT);
        eventually("the idle one goes", || registered() == SEGMENT);
        std::thread::sleep(5 * SHORT);
        assert_eq!(registered(), SEGMENT, "a frame holds the other");
        assert_eq!(held.path(), DevicePath::Direct);

        // The next frame of it is staged, then direct again, and whole each time.
        let copy = |payload, sequence| {
            let frame = frame(payload);
            let device = frame.copy_to_device(&stream).unwrap();
            let bytes = stream.clone_dtoh(&device).unwrap();
            assert!(frames::is_frame(&bytes, sequence));
            (frame.path(), frame.reason())
        };
        driver_delays(|| {
            let pending = Some(FallbackReason::RegistrationPending);
            assert_eq!(copy(&payload, 2), (DevicePath::Staged, pending));
        });
        eventually("it is registered again", || {
            copy(&payload, 2) == (DevicePath::Direct, None)
        });
        drop(held);
        eventually("all that idles goes", || registered() == 0);
        // By whichever way it is: its bytes are checked.
        copy(&in_use, 1);
    });
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let segments = made.iter().filter(|(bytes, _)| *bytes == SEGMENT);
        assert!((3..=4).contains(&segments.count()), "{made:?}");
    }
}

/// Runs `body` while registering takes long, so that what is pending is seen to be.
fn driver_delays(body: impl FnOnce()) {
    if !driver::is_real() {
        driver::set("delay=cuMemHostRegister_v2:300000");
        body();
        driver::set("reset");
    }
}

#[test]
fn a_copy_in_flight_keeps_its_registration_though_its_frame_has_gone() {
    if driver::only_real_is_here("only the driver double holds copies back") {
        return;
    }
    driver::with_driver("", || {
        let pinner = Pinner::builder()
            .device(0)
            .staging(0, 0)
            .time_to_live(SHORT)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let pool = single();
        let payload = published(&pool, 7);
        let frame = Frame::from_payload(&payload, &pinner).unwrap();
        eventually("direct", || frame.reason().is_none());
        driver::set("copy_delay_us=1000000");
        let device = frame.copy_to_device(&stream).unwrap();
        drop(frame);
        loop {
            let now = pinner.statistics();
            if now.copies_in_flight == 0 {
                break;
            }
            assert_eq!(now.registered_bytes, SEGMENT);
        }
        eventually("idle", || pinner.statistics().registered_bytes == 0);
        driver::set("reset");
        assert!(frames::is_on_device(&stream, &device, 7));
    })
    .assert_clean();
}

#[test]
fn empty_segments_go_while_a_consumer_has_them_attached_and_what_it_holds_stays() {
    const LARGE: usize = 4 << 20;
    host::alone(64, || {
        let endpoint = peer::endpoint();
        let session = peer::open(peer::listening(&endpoint), None);
        let mut consumer = worker::orders("worker_that_keeps_the_second")
            .with("ENDPOINT", &endpoint)
            .start();
        let publisher = peer::publisher(&session, "frames");
        let pool = PinnedPool::builder()
            .slots(3)
            .slot_bytes(LARGE)
            .slots_per_segment(1)
            .time_to_live(SHORT)
            .wait(Duration::from_secs(30))
            .build()
            .unwrap();
        let send = |first: u64| {
            // All three are taken before the first is sent, so that each has a segment of its own.
            let mut slots: Vec<_> = (0..3).map(|_| pool.alloc(LARGE).unwrap()).collect();
            for (sequence, slot) in (first..).zip(&mut slots) {
                frames::fill(slot, sequence);
            }
            for slot in slots {
                publisher.put(slot.into_shm()).wait().unwrap();
            }
        };
        send(0);
        consumer.line("keeps one");
        let full = host::used_bytes();
        eventually("the empty ones go", || {
            pool.statistics().segments_given_back == 2
        });
        assert_eq!(pool.statistics().segments, 1);
        assert_eq!(pool.statistics().in_use, 1);
        assert_eq!(HostUsage::now().unwrap().processes[0].segments, 1);
        let freed = full - host::used_bytes();
        assert!(freed >= 2 * LARGE as u64 - 8192, "{freed} bytes freed");
        std::thread::sleep(3 * SHORT);
        assert_eq!(pool.statistics().segments, 1, "never the last one");

        consumer.tell("look");
        consumer.line("it is whole");
        // And it grows again.
        send(3);
        consumer.line("received all");
        pool.drain(Duration::from_secs(30)).unwrap();
        consumer.end_without_report();
        session.close().wait().unwrap();
        let _ = std::fs::remove_file(peer::socket_file(&endpoint));
        drop(pool);
        host::sweep_as_zenoh();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_keeps_the_second() {
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    let receive = |sequence| {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        assert!(frame.is_shared() && frames::is_frame(&frame, sequence));
        frame
    };
    drop(receive(0));
    let kept = receive(1);
    drop(receive(2));
    println!("keeps one");
    worker::wait_for_word("look");
    assert!(frames::is_frame(&kept, 1));
    println!("it is whole");
    drop(kept);
    (3..6).for_each(|sequence| drop(receive(sequence)));
    println!("received all");
    worker::wait_for_end();
    drop(subscriber);
    session.close().wait().unwrap();
}

const MEBIBYTE: u64 = 1 << 20;
const LIMIT: u64 = 20 * MEBIBYTE;

/// A pool of two segments of 4 MiB, one of which it needs no more.
fn grown(time_to_live: Duration, limit: u64) -> PinnedPool {
    let bytes = 4 * MEBIBYTE as usize - 4096;
    let pool = PinnedPool::builder()
        .slots(2)
        .slot_bytes(bytes)
        .slots_per_segment(1)
        .max_host_bytes(limit)
        .time_to_live(time_to_live)
        .build()
        .unwrap();
    drop([pool.alloc(1).unwrap(), pool.alloc(1).unwrap()]);
    assert_eq!(pool.statistics().segments, 2);
    pool
}

fn small_pool(mebibytes: u64) -> Result<PinnedPool, PoolError> {
    PinnedPool::builder()
        .slots(1)
        .slot_bytes((mebibytes * MEBIBYTE) as usize - 4096)
        .max_host_bytes(LIMIT)
        .build()
}

#[test]
fn a_request_that_would_be_refused_takes_what_idles_longest_first() {
    host::alone(64, || {
        let first = grown(LONG, LIMIT);
        std::thread::sleep(Duration::from_millis(300));
        let second = grown(LONG, LIMIT);
        let segments = || [&first, &second].map(|pool| pool.statistics().segments);
        assert!(small_pool(8).is_err(), "used a moment ago, so not idle");
        std::thread::sleep(Duration::from_millis(1200));
        let held = second.alloc(1).unwrap();
        let _small = small_pool(8).unwrap();
        assert_eq!(
            segments(),
            [1, 2],
            "the first idled longer, and one was enough"
        );
        assert!(small_pool(5).is_err(), "a slot of the second is in use");
        drop(held);
        eventually("none is", || small_pool(4).is_ok());
        assert_eq!(segments(), [1, 1]);
        assert!(small_pool(8).is_err(), "the last one of a pool stays");
    });
}

#[test]
fn another_process_gives_back_what_idles_for_a_request_that_was_refused() {
    host::alone(64, || {
        let mut other = worker::orders("worker_with_an_idle_segment").start();
        other.line("idles");
        let _own = small_pool(10).unwrap();
        let error = small_pool(4).unwrap_err().to_string();
        assert!(error.contains("8.0 MiB in 2 segments"), "{error}");
        eventually("the other one's idle segment", || small_pool(4).is_ok());
        other.end_without_report();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_an_idle_segment() {
    let pool = grown(LONG, LIMIT);
    println!("idles");
    worker::wait_for_end();
    assert_eq!(pool.statistics().segments, 1);
}

#[test]
fn under_pressure_idle_segments_go_sooner() {
    host::alone(64, || {
        // The same for both, but that one may use far more of the host.
        let time_to_live = Duration::from_secs(10);
        let calm = grown(time_to_live, 2000 * MEBIBYTE);
        let pressed = grown(time_to_live, LIMIT);
        let _filling = small_pool(3).unwrap();
        eventually("they are told", || {
            let pressures = [&calm, &pressed].map(|pool| pool.statistics().pressure);
            pressures == [Pressure::Low, Pressure::Critical]
        });
        eventually("it goes", || pressed.statistics().segments == 1);
        assert_eq!(calm.statistics().segments, 2, "its time has not come");
        eventually("it comes", || calm.statistics().segments == 1);
    });
}

#[test]
fn a_pool_gives_its_free_slots_up_one_by_one_and_keeps_what_a_consumer_reads() {
    let pool = PinnedPool::builder()
        .slots(4)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let held_on_host = || HostUsage::now().unwrap().processes;
    let own = || {
        let own = std::process::id();
        held_on_host()
            .iter()
            .find(|process| process.pid == own)
            .map_or(0, |process| process.segment_bytes)
    };
    let before = own();
    let (first, second) = (published(&pool, 1), published(&pool, 2));
    assert_eq!(pool.shrink_to(0), 2, "two are in use");
    assert_eq!(pool.statistics().bytes, 2 * BYTES as u64 + 4096);
    assert_eq!(before - own(), 2 * BYTES as u64);
    assert!(frames::is_frame(&first.to_bytes(), 1) && frames::is_frame(&second.to_bytes(), 2));
    assert!(pool.try_alloc(BYTES).is_err(), "none is free any more");

    drop(first);
    let third = published(&pool, 3);
    assert!(
        frames::is_frame(&third.to_bytes(), 3),
        "what was in use goes on"
    );
    drop((second, third));
    assert_eq!(pool.shrink_to(1), 1);
    assert_eq!(pool.statistics().slots, 1);
    drop(published(&pool, 4));
    assert_eq!(pool.shrink_to(0), 0);
    assert_eq!(pool.statistics().bytes, 4096);
}
