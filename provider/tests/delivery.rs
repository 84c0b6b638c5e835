//! Frames between processes, with unmodified zenoh on one side or on neither.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::process::{Command, Stdio};

use harness::{frames, peer, worker};
use zenoh::{
    Wait,
    shm::{BlockOn, GarbageCollect, ShmProviderBuilder},
};
use zenoh_pinned::{DevicePath, Frame, PinnedPool, Pinner};

const FRAMES: u64 = 30;

fn publish_pinned(session: &zenoh::Session) -> PinnedPool {
    let publisher = peer::publisher(session, "frames");
    let pool = PinnedPool::builder()
        .name("delivery")
        .slots(4)
        .slot_bytes(frames::FULL_HD)
        .build()
        .unwrap();
    for sequence in 0..FRAMES {
        let mut slot = pool.alloc(frames::FULL_HD).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    pool
}

#[test]
fn an_unmodified_rust_subscriber_receives_our_frames_as_shared_memory() {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let mut consumer = worker::orders("worker_unmodified_subscriber")
        .with("ENDPOINT", &endpoint)
        .start();
    let pool = publish_pinned(&session);
    assert_eq!(consumer.line("received"), format!("{FRAMES} shared"));
    consumer.end_without_report();
    pool.drain(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(pool.statistics().timeouts, 0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_unmodified_subscriber() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    for sequence in 0..FRAMES {
        let sample = subscriber.recv().unwrap();
        let buffer = sample.payload().as_shm().expect("not in shared memory");
        assert_eq!(buffer.as_ptr() as usize % 4096, 0, "page-aligned here too");
        assert!(frames::is_frame(buffer, sequence), "frame {sequence}");
    }
    println!("received {FRAMES} shared");
    worker::wait_for_end();
}

#[test]
fn an_unmodified_python_subscriber_receives_our_frames_as_shared_memory() {
    let Ok(python) = std::env::var("ZENOH_PINNED_PYTHON") else {
        println!(
            "skipped: set ZENOH_PINNED_PYTHON to a Python with eclipse-zenoh 1.10 (make test does)"
        );
        return;
    };
    // The wheel speaks TCP; a listener on port 0 does not tell its number, so a free one is looked up.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    let session = peer::open(peer::listening(&endpoint), None);
    let subscriber = Command::new(python)
        .arg(harness::source("tests/peers/subscriber.py"))
        .args([&endpoint, "frames", &FRAMES.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _pool = publish_pinned(&session);
    let output = subscriber.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut expected = vec![0; frames::FULL_HD];
    let lines: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len() as u64, FRAMES);
    for (sequence, line) in lines.iter().enumerate() {
        frames::fill(&mut expected, sequence as u64);
        assert_eq!(
            *line,
            format!("shared {} {:08x}", expected.len(), checksum(&expected))
        );
    }
}

/// CRC-32 as Python's zlib has it, by the bit: a second opinion needs no library.
fn checksum(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| {
            (0..8).fold(byte, |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
        .collect();
    !bytes.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}

fn unmodified_producer_reaches_the_device(stock_clients: bool) {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("worker_copying_consumer")
        .with("ENDPOINT", &endpoint)
        .with("STOCK_CLIENTS", stock_clients.to_string())
        .with_driver("copy_delay_us=2000")
        .start();
    consumer.line("listening");
    let session = zenoh::open(peer::connecting(&endpoint)).wait().unwrap();
    let publisher = peer::publisher(&session, "frames");
    // zenoh's own provider: payloads start anywhere, so the consumer cannot count on page alignment.
    let provider = ShmProviderBuilder::default_backend(4 * frames::FULL_HD + 4096)
        .wait()
        .unwrap();
    let mut put = |sequence| {
        let mut buffer = provider
            .alloc(frames::FULL_HD)
            .with_policy::<BlockOn<GarbageCollect>>()
            .wait()
            .unwrap();
        frames::fill(&mut buffer, sequence);
        publisher.put(buffer).wait().unwrap();
    };
    // The consumer asks for frame 0 until its segment is registered.
    loop {
        put(0);
        if consumer.line("path") == "direct" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (1..FRAMES).for_each(&mut put);
    assert_eq!(consumer.line("copied"), format!("{} directly", FRAMES - 1));
    let report = consumer.end();
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let large = made
            .iter()
            .filter(|(bytes, _)| *bytes > 4 * frames::FULL_HD as u64);
        assert_eq!(
            large.count(),
            1,
            "one registration for the one segment: {made:?}"
        );
        assert!(
            made.iter().all(|(_, thread)| thread == "zpin-registrar"),
            "{made:?}"
        );
    }
}

#[test]
fn an_unmodified_producers_frames_are_copied_directly_through_our_client() {
    unmodified_producer_reaches_the_device(false);
}

#[test]
fn an_unmodified_producers_frames_are_copied_directly_through_an_alias_registration() {
    unmodified_producer_reaches_the_device(true);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_copying_consumer() {
    let pinner = Pinner::builder().device(0).build();
    let stock_clients = worker::order("STOCK_CLIENTS") == "true";
    let clients = (!stock_clients).then(|| zenoh_pinned::shm_clients(&pinner));
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), clients);
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let receive = || {
        let sample = subscriber.recv().unwrap();
        Frame::from_payload(sample.payload(), &pinner).unwrap()
    };
    loop {
        let frame = receive();
        let device = frame.copy_to_device(&stream).unwrap();
        assert!(frames::is_on_device(&stream, &device, 0));
        println!("path {}", frame.path());
        if frame.path() == DevicePath::Direct {
            break;
        }
    }
    let copies: Vec<_> = (1..FRAMES)
        .map(|_| {
            let frame = receive();
            let device = frame.copy_to_device(&stream).unwrap();
            assert_eq!(frame.path(), DevicePath::Direct, "{:?}", frame.reason());
            device
        })
        .collect();
    for (sequence, device) in (1..).zip(&copies) {
        assert!(
            frames::is_on_device(&stream, device, sequence),
            "frame {sequence}"
        );
    }
    println!("copied {} directly", copies.len());
    worker::wait_for_end();
    drop(copies);
    drop(subscriber);
    session.close().wait().unwrap();
}
