//! Tokens and lanes that nobody of this library has made: they are answered by a reason and disturb nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod meeting;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zenoh::{Session, Wait};
use zenoh_pinned::{
    PinnedPool,
    bindings::line::{InboxAddress, LaneOwner, Line, NoLine, Outgoing, PROTOCOL, Peer},
};
use zenoh_pinned_node::pubsub::{FrameSubscriber, Overflow, PinnedPublisher};

use meeting::{PATIENCE, camera, frames, sessions, wait_until};

fn put(publisher: &PinnedPublisher, number: u64) {
    let mut slot = publisher.alloc(8).unwrap();
    slot.copy_from_slice(&number.to_le_bytes());
    publisher.put(slot).unwrap();
}

fn recv(frames: &FrameSubscriber) -> u64 {
    let received = frames.recv_timeout(PATIENCE).unwrap();
    u64::from_le_bytes(received.frame[..].try_into().unwrap())
}

/// Where the inbox of the only subscriber of ours is, as its token says.
fn address(session: &Session) -> InboxAddress {
    let mut found = None;
    wait_until("a token", || {
        let tokens = session.liveliness().get("@zpin/inbox/**").wait().unwrap();
        found = tokens.iter().find_map(|reply| {
            let key = reply.result().ok()?.key_expr().as_str().to_owned();
            key.split('/').nth(3)?.parse().ok()
        });
        found.is_some()
    });
    found.unwrap()
}

fn digits(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn tokens_that_nobody_honest_declares_are_reasons_and_stop_no_frame() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "token").unwrap();
    let real = address(&publishing).to_string();
    let key = digits("token");
    let of = |address: &str| format!("@zpin/inbox/{PROTOCOL}/{address}/77/{key}");
    let parts: Vec<&str> = real.split('-').collect();
    let with = |at: usize, value: &str| {
        let mut parts = parts.clone();
        parts[at] = value;
        of(&parts.join("-"))
    };
    let tokens = [
        of("-"),
        of("x"),
        of(&"f".repeat(4000)),
        of(&real.replace('-', "--")),
        format!("@zpin/inbox/9-9/{real}/77/{key}"),
        format!("@zpin/inbox/{PROTOCOL}/{real}/zz/{key}"),
        format!("@zpin/inbox/{PROTOCOL}/{real}/77/abc"),
        // A key expression that is none, one that is not text, and one that is everybody's.
        format!("@zpin/inbox/{PROTOCOL}/{real}/77/{}", digits("token//")),
        format!("@zpin/inbox/{PROTOCOL}/{real}/77/ff"),
        format!(
            "@zpin/inbox/{PROTOCOL}/{}/77/{}",
            with(7, "1").split('/').nth(3).unwrap(),
            digits("**")
        ),
        // Another boot, user, /dev/shm, pid namespace.
        with(0, "1"),
        with(1, "1"),
        with(2, "1"),
        with(3, "1"),
        // A reader that is another process, or was.
        with(4, "1"),
        with(4, "ffffffff"),
        with(5, "1"),
        // No such segment, and another's.
        with(6, "0"),
        with(6, "ffffffff"),
        with(7, "0"),
        "@zpin/alone/1-2/zz/zz".to_owned(),
        format!("@zpin/alone/{PROTOCOL}/{key}/1-1"),
    ];
    let declared: Vec<_> = tokens
        .iter()
        .map(|token| receiving.liveliness().declare_token(token.clone()).wait())
        .collect();
    assert!(declared.iter().all(Result::is_ok), "zenoh takes them");
    let camera = camera().declare(&publishing, "token").unwrap();
    wait_until("a line to the real one", || {
        camera.lines().iter().any(|line| line.is_open())
    });
    let late = receiving
        .liveliness()
        .declare_token(with(7, "2"))
        .wait()
        .unwrap();
    for number in 0..50 {
        put(&camera, number);
        assert_eq!(recv(&frames), number);
    }
    let lines = camera.lines();
    assert_eq!(lines.iter().filter(|line| line.is_open()).count(), 1);
    for expected in [
        NoLine::OtherVersion,
        NoLine::OtherHost,
        NoLine::OtherSharedMemory,
        NoLine::OtherPidNamespace,
        NoLine::OtherUser { user: 1 },
        NoLine::Ended,
    ] {
        let is_told = lines
            .iter()
            .any(|line| line.reason == Some(expected.clone()));
        assert!(is_told, "{expected:?} of {lines:?}");
    }
    drop((declared, late));
    wait_until("they are forgotten", || {
        let lines = camera.lines();
        lines
            .iter()
            .all(|line| line.is_open() || line.reason == Some(NoLine::OtherVersion))
    });
    put(&camera, 50);
    assert_eq!(recv(&frames), 50);
}

#[test]
fn a_lane_whose_key_is_no_key_expression_is_given_back_and_the_others_go_on() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "keys").unwrap();
    let address = address(&publishing);
    let camera = camera().declare(&publishing, "keys").unwrap();
    wait_until("a line", || {
        camera.lines().iter().any(|line| line.is_open())
    });
    for (round, key) in (0..).zip(["", "/", "a//b", "a/", "a#b", "$**"]) {
        let owner = LaneOwner {
            process: Peer::this_process().unwrap(),
            source: (1, 2),
            key: key.to_owned(),
            alone: true,
            first: 0,
        };
        let line = Line::open(address, &owner).unwrap();
        put(&camera, round);
        assert_eq!(recv(&frames), round, "{key:?}");
        assert_eq!(frames.lines().len(), 1, "{key:?}");
        let pool = PinnedPool::builder()
            .slots(1)
            .slot_bytes(64)
            .build()
            .unwrap();
        let payload = pool.alloc(8).unwrap().into_shm();
        let put = line.put(&Outgoing::new(&payload, None, None, false).unwrap());
        assert!(put.is_err(), "{key:?}: {put:?}");
    }
}

/// The positions are what somebody else writes, so what they add up to may be anything.
#[test]
fn lanes_that_claim_to_have_overwritten_everything_overflow_no_counter() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "counts").unwrap();
    let address = address(&publishing);
    let id = address.to_string();
    let id = u32::from_str_radix(id.split('-').nth(6).unwrap(), 16).unwrap();
    let path = format!("/dev/shm/{id}.zenoh");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let lines: Vec<_> = (0..3u32)
        .map(|entity| {
            let owner = LaneOwner {
                process: Peer::this_process().unwrap(),
                source: (1, entity),
                key: String::from("counts"),
                alone: false,
                first: 0,
            };
            Line::open(address, &owner).unwrap()
        })
        .collect();
    wait_until("all are met", || frames.lines().len() == 3);
    for lane in 0..3u64 {
        let ring = 4096 + 128 + 832 * lane + 640;
        use std::os::unix::fs::FileExt;
        for (at, value) in [(ring + 64, u64::MAX - 2), (ring, u64::MAX - 1)] {
            file.write_all_at(&value.to_le_bytes(), at).unwrap();
        }
    }
    while frames.try_recv().is_ok() {}
    for _ in 0..3 {
        let _ = frames.try_recv();
    }
    assert!(frames.overrun() > u64::MAX / 2);
    drop(lines);
    wait_until("all have ended", || frames.lines().is_empty());
    assert_eq!(frames.overrun(), u64::MAX);
}

/// Both ends' tables while somebody declares and undeclares tokens as fast as zenoh does it.
#[test]
fn tokens_that_come_and_go_without_end_fill_no_table_and_stop_no_frame() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(8)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "flood")
        .unwrap();
    let real = address(&publishing).to_string();
    let camera = camera().declare(&publishing, "flood").unwrap();
    wait_until("a line", || {
        camera.lines().iter().any(|line| line.is_open())
    });
    let (stop, declared) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut nonce = 1u64;
            while !stop.load(Ordering::Relaxed) {
                let forged = real.rsplit_once('-').unwrap().0;
                let token = format!("@zpin/inbox/{PROTOCOL}/{forged}-{nonce:x}/77/2a2a");
                std::mem::forget(receiving.liveliness().declare_token(token).wait());
                nonce += 1;
                declared.store(nonce, Ordering::Relaxed);
            }
        });
        let mut number = 0;
        while declared.load(Ordering::Relaxed) < 500 {
            put(&camera, number);
            assert_eq!(recv(&frames), number);
            number += 1;
        }
        stop.store(true, Ordering::Relaxed);
        println!(
            "{number} frames beside {} tokens",
            declared.load(Ordering::Relaxed)
        );
    });
    assert!(camera.lines().len() <= 65, "{}", camera.lines().len());
}
