//! A publisher and a subscriber, one step each, in two processes' worth of sessions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use zenoh::{Config, Session, Wait};
use zenoh_pinned::{AllocError, DevicePath, Pinner};
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, OpenError, PinnedPublisher, ReceiveError};

const PATIENCE: Duration = Duration::from_secs(20);

fn session(pinner: &Pinner, listen: &[&str], connect: &[&str]) -> Session {
    let mut config = Config::default();
    for (key, endpoints) in [("listen/endpoints", listen), ("connect/endpoints", connect)] {
        config.insert_json5(key, &format!("{endpoints:?}")).unwrap();
    }
    let off = config.insert_json5("scouting/multicast/enabled", "false");
    off.unwrap();
    pubsub::open(config, pinner).unwrap()
}

/// A pair of sessions on a port that nobody has.
fn sessions(pinner: &Pinner) -> (Session, Session) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp/{}", port.local_addr().unwrap());
    drop(port);
    let publishing = session(pinner, &[&endpoint], &[]);
    (publishing, session(pinner, &[], &[&endpoint]))
}

#[test]
fn a_session_that_cannot_open_in_time_is_an_error_that_names_the_settings() {
    let mut config = Config::default();
    for (key, value) in [
        ("mode", r#""client""#),
        ("connect/endpoints", r#"["tcp/127.0.0.1:1"]"#),
        ("connect/timeout_ms", "-1"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    let waited = Duration::from_millis(300);
    let opened = pubsub::open_within(config.clone(), &Pinner::host_only(), waited);
    let error = opened.unwrap_err();
    assert!(matches!(error, OpenError::TimedOut { waited: told } if told == waited));
    assert!(error.to_string().contains("connect/timeout_ms"), "{error}");
    let interrupted = zenoh_pinned::bindings::interruptible(
        || true,
        || pubsub::open(config, &Pinner::host_only()),
    );
    assert!(matches!(interrupted, Err(OpenError::Interrupted)));
}

#[test]
fn a_session_in_a_forked_child_is_an_error_at_once() {
    let session = session(&Pinner::host_only(), &[], &[]);
    // SAFETY: the child runs code that is to work in a forked child, which is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends a child that hangs, and the child.
        unsafe {
            libc::alarm(20);
            let opened = pubsub::open(Config::default(), &Pinner::host_only());
            libc::_exit(i32::from(!matches!(opened, Err(OpenError::Forked))));
        }
    }
    let mut status = 0;
    // SAFETY: waits for the child, which the alarm ends.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "it hung, or opened");
    session.close().wait().unwrap();
}

#[test]
fn frames_and_what_is_beside_them_arrive_in_shared_memory() {
    let pinner = Pinner::host_only();
    let (publishing, subscribing) = sessions(&pinner);
    let subscriber = FrameSubscriber::builder(&pinner).declare(&subscribing, "camera");
    let subscriber = subscriber.unwrap();
    let publisher = PinnedPublisher::builder(100_000)
        .slots(3)
        .declare(&publishing, "camera");
    let publisher = publisher.unwrap();
    let first = loop {
        // Until the subscription has reached the publisher.
        let mut slot = publisher.alloc(100_000).unwrap();
        slot.fill(9);
        publisher.put_with(slot, b"beside".as_slice()).unwrap();
        match subscriber.recv_timeout(Duration::from_millis(50)) {
            Ok(received) => break received,
            Err(ReceiveError::TimedOut(_)) => continue,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(first.frame.is_shared());
    assert_eq!(first.frame.path(), DevicePath::Host);
    assert!(first.frame.len() == 100_000 && first.frame.iter().all(|byte| *byte == 9));
    assert_eq!(first.attachment.unwrap().to_bytes().as_ref(), b"beside");
    assert_eq!(first.key.as_str(), "camera");
    drop(first.frame);
    publisher.drain(PATIENCE).unwrap();
}

#[test]
fn a_queue_that_nobody_reads_keeps_only_its_capacity_of_the_producers_slots() {
    let pinner = Pinner::host_only();
    let (publishing, subscribing) = sessions(&pinner);
    let subscriber = FrameSubscriber::builder(&pinner).capacity(2);
    let subscriber = subscriber.declare(&subscribing, "lidar").unwrap();
    let publisher = PinnedPublisher::builder(4096).slots(4).wait(PATIENCE);
    let publisher = publisher.declare(&publishing, "lidar").unwrap();
    let mut sent = 0u64;
    while subscriber.overrun() < 20 {
        let mut slot = publisher.alloc(8).unwrap();
        slot.copy_from_slice(&sent.to_le_bytes());
        publisher.put(slot).unwrap();
        sent += 1;
    }
    publisher.pool().alloc(4096).unwrap();
    let too_large = publisher.alloc(5000);
    assert!(
        matches!(too_large, Err(AllocError::TooLarge { .. })),
        "{too_large:?}"
    );
    let newest = subscriber.recv().unwrap();
    let number = u64::from_le_bytes(newest.frame[..].try_into().unwrap());
    assert!(number >= 20, "{number}");
}

#[test]
fn a_reader_is_told_when_the_session_closes() {
    let pinner = Pinner::host_only();
    let (_publishing, subscribing) = sessions(&pinner);
    let subscriber = FrameSubscriber::builder(&pinner).declare(&subscribing, "radar");
    let subscriber = subscriber.unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| subscriber.recv());
        std::thread::sleep(Duration::from_millis(20));
        subscribing.close().wait().unwrap();
        let told = reader.join().unwrap();
        assert!(matches!(told, Err(ReceiveError::Closed)), "{told:?}");
    });
}

#[test]
fn a_forked_child_drops_and_uses_its_parents_publisher_and_subscriber_to_no_effect() {
    let pinner = Pinner::host_only();
    let (publishing, subscribing) = sessions(&pinner);
    let subscriber = FrameSubscriber::builder(&pinner).declare(&subscribing, "camera");
    let subscriber = subscriber.unwrap();
    let publisher = PinnedPublisher::builder(4096)
        .slots(4)
        .declare(&publishing, "camera")
        .unwrap();
    let receive = || loop {
        publisher.put(publisher.alloc(4096).unwrap()).unwrap();
        if let Ok(received) = subscriber.recv_timeout(Duration::from_millis(50)) {
            break received;
        }
    };
    drop(receive());
    let slot = publisher.alloc(4096).unwrap();
    // SAFETY: the child runs code that is to work in a forked child, which is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert!(matches!(publisher.alloc(1), Err(AllocError::Forked)));
            let error = publisher.put(slot).unwrap_err();
            assert!(error.to_string().contains("forked"), "{error}");
            assert!(matches!(subscriber.recv(), Err(ReceiveError::Forked)));
            assert_eq!(subscriber.overrun(), 0);
            drop((publisher, subscriber));
        }));
        // Sessions are zenoh's, and wait for threads that a child does not have.
        std::mem::forget((publishing, subscribing));
        // SAFETY: ends the child, with its exit handlers.
        unsafe { libc::exit(i32::from(worked.is_err())) };
    }
    let mut status = 0;
    let watchdog = std::time::Instant::now() + PATIENCE;
    // SAFETY: asks about the child of this test.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } != child {
        assert!(std::time::Instant::now() < watchdog, "the child hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status, 0, "the child failed");
    drop(slot);
    drop(receive());
    drop(subscriber);
    publisher.drain(PATIENCE).unwrap();
}
