//! A line between a pool's publisher and a reader, without zenoh's sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh_pinned::{
    PinnedPool, Pinner,
    bindings::line::{
        Inbox, InboxAddress, LaneOwner, LaneState, Line, NoLine, Outgoing, Overflow, Peer,
        sleep_unless,
    },
    shm_clients,
};

/// More than an entry takes.
const FRAME_BYTES: usize = 600;
const PATIENCE: Duration = Duration::from_secs(20);

fn inbox(capacity: usize, overflow: Overflow) -> (Inbox, Pinner) {
    let pinner = Pinner::host_only();
    let inbox = Inbox::new(capacity, overflow, shm_clients(&pinner)).unwrap();
    (inbox, pinner)
}

fn owner(first: u64) -> LaneOwner {
    LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (u128::MAX - 5, 7),
        key: "camera/front".to_owned(),
        alone: true,
        first,
    }
}

fn pool(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(4096)
        .wait(PATIENCE)
        .build()
        .unwrap()
}

fn put(line: &Line, pool: &PinnedPool, byte: u8) -> Result<bool, NoLine> {
    let mut slot = pool.alloc(FRAME_BYTES).unwrap();
    slot.fill(byte);
    let payload = slot.into_shm();
    line.put(&Outgoing::new(&payload, None, None, false)?)
}

/// Takes what is in lane 0: the numbers and first bytes.
fn taken(inbox: &Inbox, pinner: &Pinner) -> Vec<(u64, u8)> {
    let mut taken = Vec::new();
    while let Some(delivery) = inbox.take(0, pinner).unwrap() {
        let frame = delivery.frame.unwrap();
        assert!(frame.iter().all(|byte| *byte == frame[0]) && frame.len() == FRAME_BYTES);
        taken.push((delivery.number, frame[0]));
    }
    taken
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "did not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn frames_come_out_whole_in_order_and_their_slots_come_back() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(10)).unwrap();
    assert_eq!(inbox.state(0), LaneState::Open);
    assert_eq!(inbox.meet(0).unwrap(), owner(10));
    let pool = pool(8);
    for round in 0..5u8 {
        for byte in 0..4 {
            assert_eq!(put(&line, &pool, 4 * round + byte), Ok(true));
        }
        let first = u64::from(4 * round);
        let expected: Vec<_> = (first..first + 4)
            .map(|number| (10 + number, number as u8))
            .collect();
        assert_eq!(taken(&inbox, &pinner), expected);
    }
    assert_eq!(pool.statistics().in_use, 0);
    drop(line);
    assert_eq!((inbox.state(0), inbox.end(0)), (LaneState::Closed, 30));
    inbox.release(0);
    assert_eq!(inbox.state(0), LaneState::Free);
}

#[test]
fn an_attachment_and_a_timestamp_arrive_beside_the_frame_and_a_long_one_is_a_reason() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    let payload = pool(1).alloc(8).unwrap().into_shm();
    let attachment = vec![7u8; 456].into();
    let stamp = zenoh_pinned::bindings::line::Stamp { time: 3, clock: 4 };
    let outgoing = Outgoing::new(&payload, Some(&attachment), Some(stamp), false).unwrap();
    line.put(&outgoing).unwrap();
    let delivery = inbox.take(0, &pinner).unwrap().unwrap();
    assert_eq!(delivery.attachment, Some(vec![7u8; 456]));
    assert_eq!(delivery.stamp, Some(stamp));
    let long = vec![7u8; 457].into();
    let refused = Outgoing::new(&payload, Some(&long), None, false).err();
    assert_eq!(refused, Some(NoLine::AttachmentTooLong { bytes: 457 }));
    let ordinary = vec![1u8; FRAME_BYTES].into();
    let refused = Outgoing::new(&ordinary, None, None, false).err();
    assert_eq!(refused, Some(NoLine::NotOneBuffer));
}

#[test]
fn a_few_bytes_of_ordinary_memory_travel_in_the_entry() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    for bytes in [1, 64, 456] {
        let payload = vec![bytes as u8; bytes].into();
        line.put(&Outgoing::new(&payload, None, None, false).unwrap())
            .unwrap();
        let frame = inbox.take(0, &pinner).unwrap().unwrap().frame.unwrap();
        assert_eq!(&frame[..], vec![bytes as u8; bytes]);
        assert!(!frame.is_shared());
    }
}

#[test]
fn a_reader_that_does_not_read_costs_its_capacity_and_gets_the_newest() {
    let (inbox, pinner) = inbox(2, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    let pool = pool(4);
    for byte in 0..100 {
        assert_eq!(put(&line, &pool, byte), Ok(true));
        assert!(pool.statistics().in_use <= 2);
    }
    assert_eq!((line.overwritten(), line.unread()), (98, 2));
    assert_eq!(taken(&inbox, &pinner), [(98, 98), (99, 99)]);
    assert_eq!(inbox.overwritten(0), 98);
    assert_eq!(pool.statistics().in_use, 0);
}

#[test]
fn a_full_lane_of_a_reader_that_wants_everything_takes_nothing_until_there_is_room() {
    let (inbox, pinner) = inbox(2, Overflow::Refuse);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    let pool = pool(4);
    assert_eq!(
        [0, 1, 2].map(|byte| put(&line, &pool, byte)),
        [Ok(true), Ok(true), Ok(false)]
    );
    assert!(!line.wait_for_room(Duration::from_millis(1)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| line.wait_for_room(PATIENCE));
        assert!(inbox.take(0, &pinner).unwrap().is_some());
        assert!(waiting.join().unwrap());
    });
    assert_eq!(put(&line, &pool, 3), Ok(true));
    assert_eq!(taken(&inbox, &pinner), [(1, 1), (2, 3)]);
}

#[test]
fn a_sleeping_reader_is_woken_by_a_frame() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    let pool = pool(4);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for byte in 0..200 {
                put(&line, &pool, byte).unwrap();
                wait_until(|| line.unread() == 0);
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 200 {
            sleep_unless(&[inbox.bell()], PATIENCE, || inbox.has_unread(0));
            seen.extend(taken(&inbox, &pinner));
        }
        assert!(
            seen.iter()
                .zip(0..)
                .all(|((number, _), expected)| *number == expected)
        );
    });
}

#[test]
fn what_is_unread_stays_with_a_publisher_that_has_gone_and_comes_back_when_the_inbox_closes() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    inbox.meet(0).unwrap();
    let pool = pool(4);
    for byte in 0..3 {
        put(&line, &pool, byte).unwrap();
    }
    drop(line);
    assert_eq!(pool.statistics().in_use, 3);
    assert!(inbox.take(0, &pinner).unwrap().is_some());
    wait_until(|| pool.statistics().in_use == 2);
    inbox.close();
    wait_until(|| pool.statistics().in_use == 0);
    let error = Line::open(inbox.address(), &owner(0)).map(drop);
    assert_eq!(error, Err(NoLine::Ended));
}

#[test]
fn a_line_to_a_reader_that_has_closed_is_ended_and_keeps_nothing() {
    let (inbox, _pinner) = inbox(4, Overflow::DropOldest);
    let line = Line::open(inbox.address(), &owner(0)).unwrap();
    let pool = pool(4);
    put(&line, &pool, 1).unwrap();
    inbox.close();
    assert_eq!(put(&line, &pool, 2), Err(NoLine::Ended));
    assert_eq!(
        (line.ended(), pool.statistics().in_use),
        (Some(NoLine::Ended), 0)
    );
}

#[test]
fn an_inbox_has_lines_of_sixteen_publishers_and_then_of_others() {
    let (inbox, _pinner) = inbox(1, Overflow::DropOldest);
    let lines: Vec<_> = (0..16)
        .map(|_| Line::open(inbox.address(), &owner(0)).unwrap())
        .collect();
    let error = Line::open(inbox.address(), &owner(0)).map(drop);
    assert_eq!(error, Err(NoLine::TooManyPublishers));
    drop(lines);
    inbox.lanes().for_each(|lane| inbox.release(lane));
    assert!(Line::open(inbox.address(), &owner(0)).is_ok());
}

#[test]
fn an_inbox_that_has_gone_or_is_another_is_not_mapped() {
    let (first, _pinner) = inbox(1, Overflow::DropOldest);
    let (second, _pinner) = inbox(1, Overflow::DropOldest);
    // The second one's place with the first one's number.
    let [first_text, second_text] = [&first, &second].map(|inbox| inbox.address().to_string());
    let mut forged: Vec<_> = second_text.split('-').collect();
    forged[7] = first_text.split('-').nth(7).unwrap();
    let forged: InboxAddress = forged.join("-").parse().unwrap();
    assert_eq!(Line::open(forged, &owner(0)).map(drop), Err(NoLine::Ended));
    let address = first.address();
    drop(first);
    assert!(matches!(
        Line::open(address, &owner(0)).map(drop),
        Err(NoLine::Inbox { .. })
    ));
    let long = LaneOwner {
        key: "k".repeat(513),
        ..owner(0)
    };
    let error = Line::open(second.address(), &long).map(drop);
    assert_eq!(error, Err(NoLine::KeyTooLong { bytes: 513 }));
}

#[test]
fn four_publishers_at_full_speed_overwrite_a_slow_reader_and_nothing_is_torn_or_lost() {
    let (inbox, pinner) = inbox(2, Overflow::DropOldest);
    let frames = 2_000u64;
    let pools: Vec<_> = (0..4).map(|_| pool(4)).collect();
    let lines: Vec<_> = (0..4u32)
        .map(|source| {
            let owner = LaneOwner {
                source: (1, source),
                ..owner(0)
            };
            Line::open(inbox.address(), &owner).unwrap()
        })
        .collect();
    let lines = Arc::new(lines);
    inbox
        .lanes()
        .take(4)
        .for_each(|lane| drop(inbox.meet(lane).unwrap()));
    let mut seen = [0u64; 4];
    let mut next = [0u64; 4];
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..4)
            .map(|publisher| {
                let (lines, pool) = (lines.clone(), pools[publisher].clone());
                scope.spawn(move || {
                    for number in 0..frames {
                        let mut slot = pool.alloc(4096).unwrap();
                        let words = (number << 8 | publisher as u64).to_le_bytes();
                        slot.chunks_exact_mut(8)
                            .for_each(|chunk| chunk.copy_from_slice(&words));
                        let payload = slot.into_shm();
                        let outgoing = Outgoing::new(&payload, None, None, false).unwrap();
                        assert_eq!(lines[publisher].put(&outgoing), Ok(true));
                    }
                })
            })
            .collect();
        loop {
            let are_done = publishers.iter().all(|publisher| publisher.is_finished());
            let mut took = false;
            for lane in 0..4 {
                while let Some(delivery) = inbox.take(lane, &pinner).unwrap() {
                    took = true;
                    let frame = delivery.frame.unwrap();
                    let expected = (delivery.number << 8 | lane as u64).to_le_bytes();
                    assert!(frame.chunks_exact(8).all(|chunk| chunk == expected));
                    assert!(delivery.number >= next[lane], "doubled or reordered");
                    next[lane] = delivery.number + 1;
                    seen[lane] += 1;
                }
            }
            if are_done && !took {
                break;
            }
        }
    });
    for lane in 0..4 {
        assert_eq!(next[lane], frames, "the newest is never lost");
        assert_eq!(seen[lane] + lines[lane].overwritten(), frames);
        assert_eq!(inbox.overwritten(lane), lines[lane].overwritten());
        assert_eq!(pools[lane].statistics().in_use, 0);
    }
}
