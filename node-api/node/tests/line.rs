//! Lines between publishers and subscribers of two sessions, and zenoh beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod meeting;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on};
use zenoh::Wait;
use zenoh_pinned::PinnedPool;
use zenoh_pinned_node::pubsub::{
    FrameSubscriber, NoLine, Overflow, PinnedPublisher, PutError, ReceiveError, recv_any,
};

use meeting::{PATIENCE, camera, frames, sessions, sessions_with, wait_until};

/// More than an entry of a line takes.
const FRAME_BYTES: usize = 600;
fn wait_for_line(publisher: &PinnedPublisher) {
    wait_until("a line", || {
        publisher.lines().iter().any(|line| line.is_open())
    });
}

fn put(publisher: &PinnedPublisher, number: u64) {
    let mut slot = publisher.alloc(FRAME_BYTES).unwrap();
    slot[..8].copy_from_slice(&number.to_le_bytes());
    publisher.put(slot).unwrap();
}

fn recv(frames: &FrameSubscriber) -> u64 {
    let received = frames.recv_timeout(PATIENCE).unwrap();
    u64::from_le_bytes(received.frame[..8].try_into().unwrap())
}

fn nothing_more(frames: &FrameSubscriber) {
    let more = frames.recv_timeout(Duration::from_millis(100));
    assert!(matches!(more, Err(ReceiveError::TimedOut(_))), "{more:?}");
}

#[test]
fn every_frame_comes_once_and_in_order_while_it_travels_both_ways() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(4)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "both/*")
        .unwrap();
    let unmodified = receiving
        .declare_subscriber("both/ways")
        .with(zenoh::handlers::FifoChannel::new(1000))
        .wait()
        .unwrap();
    let camera = camera().declare(&publishing, "both/ways").unwrap();
    wait_for_line(&camera);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..500).for_each(|number| put(&camera, number)));
        for number in 0..500 {
            assert_eq!(recv(&frames), number);
            let sample = unmodified.recv_timeout(PATIENCE).unwrap().unwrap();
            assert_eq!(sample.payload().to_bytes()[..8], number.to_le_bytes());
        }
    });
    nothing_more(&frames);
    assert_eq!(frames.overrun(), 0);
    assert_eq!(
        (frames.lines().len(), frames.lines()[0].key.as_str()),
        (1, "both/ways")
    );
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn what_comes_with_a_frame_is_the_same_by_either_way() {
    let (publishing, receiving) = sessions();
    let by_line = frames().declare(&receiving, "beside").unwrap();
    let by_zenoh = frames().line(false).declare(&receiving, "beside").unwrap();
    assert_eq!(by_zenoh.no_line(), Some(&NoLine::SwitchedOff));
    let camera = camera().declare(&publishing, "beside").unwrap();
    wait_for_line(&camera);
    for attachment in [None, Some(vec![]), Some(vec![7; 456])] {
        let payload = camera.alloc(FRAME_BYTES).unwrap().into_shm();
        let attached = attachment.clone().map(Into::into);
        camera.put_payload(payload, attached).unwrap();
        for frames in [&by_line, &by_zenoh] {
            let received = frames.recv_timeout(PATIENCE).unwrap();
            assert_eq!(
                (received.key.as_str(), received.frame.len()),
                ("beside", FRAME_BYTES)
            );
            let arrived = received
                .attachment
                .map(|bytes| bytes.to_bytes().into_owned());
            assert_eq!(arrived, attachment);
            assert!(received.frame.is_shared());
            assert_eq!(received.timestamp, None);
        }
    }
}

#[test]
fn a_publisher_that_is_alone_makes_no_put_for_subscribers_with_lines_and_one_for_others() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "alone").unwrap();
    let camera = camera().alone().declare(&publishing, "alone").unwrap();
    wait_for_line(&camera);
    put(&camera, 0);
    assert_eq!(recv(&frames), 0);
    let is_matched = || {
        let other = publishing.declare_publisher("alone").wait().unwrap();
        other.matching_status().wait().unwrap().matching()
    };
    wait_until("the subscription goes", || !is_matched());
    for number in 1..100 {
        put(&camera, number);
        assert_eq!(recv(&frames), number);
    }
    let late = receiving
        .declare_subscriber("alone")
        .with(zenoh::handlers::FifoChannel::new(1000))
        .wait()
        .unwrap();
    wait_until("the late one is seen", is_matched);
    wait_until("it gets frames", || {
        put(&camera, 100);
        assert_eq!(recv(&frames), 100);
        !late.is_empty()
    });
    drop(late);
    nothing_more(&frames);
    drop(camera);
    // Somebody else has the key now.
    wait_until("the subscription is back", is_matched);
    publishing
        .put("alone", vec![7, 0, 0, 0, 0, 0, 0, 0])
        .wait()
        .unwrap();
    assert_eq!(recv(&frames), 7);
}

#[test]
fn a_subscriber_that_joins_late_begins_in_order_and_gets_everything_from_then_on() {
    let (publishing, receiving) = sessions();
    let camera = camera().slots(32).declare(&publishing, "late").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                put(&camera, number);
                number += 1;
            }
        });
        for _ in 0..10 {
            let frames = frames()
                .capacity(8)
                .overflow(Overflow::Refuse)
                .declare(&receiving, "late")
                .unwrap();
            let mut next = recv(&frames);
            let first = next;
            while next < first + 500 || frames.lines().is_empty() {
                let number = recv(&frames);
                // zenoh's queue may have overrun while the line was not there.
                assert!(number > next, "{number} after {next}");
                next = number;
            }
            let overrun = frames.overrun();
            for expected in next + 1..next + 200 {
                assert_eq!(recv(&frames), expected, "by the line nothing is lost");
            }
            assert_eq!(frames.overrun(), overrun);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn publishers_that_come_and_go_lose_nothing_and_leave_no_line() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(16)
        .declare(&receiving, "restarts")
        .unwrap();
    let probe = publishing.declare_publisher("restarts").wait().unwrap();
    wait_until("the sessions have met", || {
        probe.matching_status().wait().unwrap().matching()
    });
    drop(probe);
    for alone in [false, true] {
        for round in 0..40 {
            let builder = if alone { camera().alone() } else { camera() };
            let camera = builder.declare(&publishing, "restarts").unwrap();
            (0..5).for_each(|number| put(&camera, 10 * round + number));
            drop(camera);
            for number in 0..5 {
                assert_eq!(recv(&frames), 10 * round + number, "{alone}");
            }
        }
    }
    nothing_more(&frames);
    assert_eq!(frames.overrun(), 0);
    assert!(frames.lines().is_empty());
}

#[test]
fn the_newest_frame_is_what_a_subscriber_of_capacity_one_gets_counted_at_both_ends() {
    let (publishing, receiving) = sessions();
    let frames = frames().capacity(1).declare(&receiving, "newest").unwrap();
    let camera = camera()
        .slots(3)
        .alone()
        .declare(&publishing, "newest")
        .unwrap();
    wait_for_line(&camera);
    put(&camera, 0);
    assert_eq!(recv(&frames), 0);
    (1..=1000).for_each(|number| put(&camera, number));
    assert_eq!(recv(&frames), 1000);
    assert_eq!(camera.lines()[0].overwritten, 999);
    wait_until("counted", || frames.overrun() >= 999);
    assert_eq!(frames.overrun(), 999);
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn a_subscriber_that_refuses_to_lose_frames_makes_the_put_fail_and_nobody_gets_the_frame() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(2)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "refuse")
        .unwrap();
    let camera = PinnedPublisher::builder(4096)
        .wait(Duration::from_millis(20))
        .declare(&publishing, "refuse")
        .unwrap();
    wait_for_line(&camera);
    (0..2).for_each(|number| put(&camera, number));
    let refused = camera.put(camera.alloc(FRAME_BYTES).unwrap());
    assert!(matches!(refused, Err(PutError::Full { pid, .. }) if pid == std::process::id()));
    assert_eq!(recv(&frames), 0);
    put(&camera, 2);
    assert_eq!((recv(&frames), recv(&frames)), (1, 2));
    nothing_more(&frames);
}

#[test]
fn frames_come_to_a_callback_to_a_task_and_to_a_stream_and_the_first_of_several_is_found() {
    let (publishing, receiving) = sessions();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = seen.clone();
    let listener = frames()
        .listen(&receiving, "ways", move |received| {
            let number = received.unwrap().frame[0];
            into.lock().unwrap().push(number);
        })
        .unwrap();
    let [task, stream, left, right] = ["ways", "ways", "left", "ways"]
        .map(|key| frames().capacity(16).declare(&receiving, key).unwrap());
    let camera = camera().declare(&publishing, "ways").unwrap();
    wait_until("lines", || {
        camera.lines().iter().filter(|line| line.is_open()).count() == 4
    });
    std::thread::scope(|scope| {
        let tasks = scope.spawn(|| {
            (0..10)
                .map(|_| block_on(task.recv_async()).unwrap().frame[0])
                .collect::<Vec<_>>()
        });
        let streams = scope.spawn(|| {
            let received = stream
                .stream()
                .take(10)
                .map(|received| received.unwrap().frame[0]);
            block_on(received.collect::<Vec<_>>())
        });
        for number in 0..10 {
            put(&camera, number);
            let (which, received) = recv_any(&[&left, &right], PATIENCE).unwrap();
            assert_eq!((which, u64::from(received.frame[0])), (1, number));
            std::thread::sleep(Duration::from_millis(2));
        }
        let expected: Vec<u8> = (0..10).collect();
        assert_eq!(tasks.join().unwrap(), expected);
        assert_eq!(streams.join().unwrap(), expected);
        wait_until("called back", || seen.lock().unwrap().len() == 10);
        assert_eq!(*seen.lock().unwrap(), expected);
    });
    drop(listener);
    receiving.close().wait().unwrap();
    assert!(matches!(
        block_on(task.recv_async()),
        Err(ReceiveError::Closed)
    ));
    assert!(block_on(stream.stream().next()).is_none());
}

#[test]
fn a_frame_that_no_line_can_carry_goes_by_zenoh_with_those_after_it() {
    let (publishing, receiving) = sessions();
    let frames = frames().capacity(64).declare(&receiving, "long").unwrap();
    let camera = camera().slots(32).declare(&publishing, "long").unwrap();
    wait_for_line(&camera);
    for number in 0..20u64 {
        let mut slot = camera.alloc(8).unwrap();
        slot.copy_from_slice(&number.to_le_bytes());
        let attachment = vec![1; if number == 10 { 5000 } else { 5 }];
        camera.put_with(slot, attachment).unwrap();
    }
    for number in 0..20 {
        assert_eq!(recv(&frames), number);
    }
    nothing_more(&frames);
    assert!(frames.lines().is_empty());
    let alone = PinnedPublisher::builder(64)
        .alone()
        .declare(&publishing, "alone/long")
        .unwrap();
    let _frames = self::frames().declare(&receiving, "alone/long").unwrap();
    wait_for_line(&alone);
    let refused = alone.put_with(alone.alloc(8).unwrap(), vec![1; 5000]);
    let expected = NoLine::AttachmentTooLong { bytes: 5000 };
    assert!(matches!(refused, Err(PutError::NotOnTheLine(reason)) if reason == expected));
}

#[test]
fn publisher_and_subscriber_of_one_session_are_told_why_they_have_no_line() {
    let (session, _other) = sessions();
    let frames = frames().declare(&session, "one").unwrap();
    let camera = camera().alone().declare(&session, "one").unwrap();
    put(&camera, 1);
    assert_eq!(recv(&frames), 1);
    wait_until("a reason", || {
        camera
            .lines()
            .iter()
            .any(|line| line.reason == Some(NoLine::SameSession))
    });
    nothing_more(&frames);
}

#[test]
fn a_slot_of_another_pool_comes_back_although_its_publisher_publishes_no_more() {
    let (publishing, receiving) = sessions();
    let pool = PinnedPool::builder()
        .slots(1)
        .slot_bytes(4096)
        .build()
        .unwrap();
    let frames = frames().declare(&receiving, "forwarded").unwrap();
    let camera = camera().declare(&publishing, "forwarded").unwrap();
    wait_for_line(&camera);
    camera
        .put_payload(pool.alloc(FRAME_BYTES).unwrap().into_shm(), None)
        .unwrap();
    drop(frames.recv_timeout(PATIENCE).unwrap());
    pool.alloc_timeout(8, PATIENCE).unwrap();
}

#[test]
fn a_closed_session_ends_what_waits_after_what_has_come() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "closing").unwrap();
    let camera = camera().alone().declare(&publishing, "closing").unwrap();
    wait_for_line(&camera);
    (0..2).for_each(|number| put(&camera, number));
    receiving.close().wait().unwrap();
    assert_eq!((recv(&frames), recv(&frames)), (0, 1));
    assert!(matches!(frames.recv(), Err(ReceiveError::Closed)));
    drop(frames);
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn a_publisher_goes_on_when_a_subscriber_that_refuses_has_gone_with_its_lane_full() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(2)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "gone")
        .unwrap();
    let camera = camera().declare(&publishing, "gone").unwrap();
    wait_for_line(&camera);
    (0..2).for_each(|number| put(&camera, number));
    drop(frames);
    (2..10).for_each(|number| put(&camera, number));
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn a_subscriber_of_a_closed_session_comes_to_its_end_although_its_publisher_goes_on() {
    let (publishing, receiving) = sessions();
    let frames = frames()
        .capacity(4)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "goes/on")
        .unwrap();
    let camera = camera().alone().declare(&publishing, "goes/on").unwrap();
    wait_for_line(&camera);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                put(&camera, number);
                number += 1;
            }
        });
        assert_eq!(recv(&frames), 0);
        receiving.close().wait().unwrap();
        let started = Instant::now();
        let mut next = 1;
        let end = loop {
            match frames.recv() {
                Ok(received) => {
                    assert_eq!(received.frame[..8], u64::to_le_bytes(next));
                    next += 1;
                }
                Err(error) => break error,
            }
            if started.elapsed() > PATIENCE {
                break ReceiveError::TimedOut(PATIENCE);
            }
        };
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(matches!(end, ReceiveError::Closed), "{end}");
    });
    camera.drain(PATIENCE).unwrap();
}

#[test]
fn a_frame_is_handed_out_with_its_key_although_its_line_ends_at_that_moment() {
    let (publishing, receiving) = sessions();
    let frames = frames().capacity(16).declare(&receiving, "ends/*").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whoever looks at the lines notices their ends.
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                frames.lines();
            }
        });
        let pool = PinnedPool::builder().slots(16).slot_bytes(4096).build();
        let pool = pool.unwrap();
        let all = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..1000u64 {
                let key = format!("ends/{round}");
                let camera = PinnedPublisher::with_pool(&publishing, &key, pool.clone()).unwrap();
                (0..3).for_each(|number| put(&camera, number));
                drop(camera);
                for number in 0..3 {
                    let received = frames.recv_timeout(PATIENCE).unwrap();
                    assert_eq!(received.frame[..8], u64::to_le_bytes(number));
                    assert_eq!(received.key.as_str(), key);
                }
            }
        }));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        all.unwrap();
        pool.drain(PATIENCE).unwrap();
    });
}

#[test]
fn a_wait_ends_when_another_thread_closes_the_subscriber_and_what_was_there_is_taken_first() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "closed").unwrap();
    let camera = camera().declare(&publishing, "closed").unwrap();
    wait_for_line(&camera);
    put(&camera, 7);
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| (recv(&frames), frames.recv()));
        wait_until("the frame is taken", || {
            camera.lines().iter().all(|line| line.unread == 0)
        });
        frames.close();
        let (first, after) = taking.join().unwrap();
        assert_eq!(first, 7);
        assert!(matches!(after, Err(ReceiveError::Closed)), "{after:?}");
    });
}

#[test]
fn what_came_before_somebody_is_told_of_frames_is_told_at_once() {
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "told").unwrap();
    let camera = camera().declare(&publishing, "told").unwrap();
    wait_for_line(&camera);
    put(&camera, 1);
    let (tell, told) = std::sync::mpsc::channel();
    frames.announce_to(move || {
        let _ = tell.send(());
    });
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(recv(&frames), 1);
    while told.try_recv().is_ok() {}
    put(&camera, 2);
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(recv(&frames), 2);
}

#[test]
fn a_frame_that_is_there_is_taken_although_the_wait_is_to_end() {
    use zenoh_pinned::bindings::interruptible;
    let (publishing, receiving) = sessions();
    let frames = frames().declare(&receiving, "ended").unwrap();
    let camera = camera().declare(&publishing, "ended").unwrap();
    wait_for_line(&camera);
    let ended = interruptible(|| true, || frames.recv());
    assert!(matches!(ended, Err(ReceiveError::Interrupted)), "{ended:?}");
    let ended = interruptible(|| true, || recv_any(&[&frames], PATIENCE));
    assert!(matches!(ended, Err(ReceiveError::Interrupted)));
    put(&camera, 3);
    assert_eq!(interruptible(|| true, || recv(&frames)), 3);
}

#[test]
fn what_is_overwritten_is_counted_before_anybody_reads() {
    let (publishing, receiving) = sessions();
    let frames = frames().capacity(2).declare(&receiving, "counted").unwrap();
    let camera = camera().declare(&publishing, "counted").unwrap();
    wait_for_line(&camera);
    (0..5).for_each(|number| put(&camera, number));
    assert_eq!(frames.overrun(), 3);
    assert_eq!((recv(&frames), recv(&frames)), (3, 4));
    assert_eq!(frames.overrun(), 3);
}

#[test]
fn whoever_is_told_of_frames_is_told_of_each_although_nobody_has_taken_the_first() {
    let (publishing, receiving) = sessions();
    let told = Arc::new(Mutex::new(0));
    let tell = told.clone();
    let frames = frames()
        .on_change(move || *tell.lock().unwrap() += 1)
        .declare(&receiving, "told/each")
        .unwrap();
    let camera = camera().alone().declare(&publishing, "told/each").unwrap();
    wait_for_line(&camera);
    put(&camera, 0);
    assert_eq!(recv(&frames), 0);
    for number in 1..4 {
        let before = *told.lock().unwrap();
        put(&camera, number);
        wait_until("told", || *told.lock().unwrap() > before);
    }
    assert_eq!([recv(&frames), recv(&frames), recv(&frames)], [1, 2, 3]);
}

#[test]
fn a_session_that_stamps_gives_a_frame_one_time_by_either_way() {
    let (publishing, receiving) = sessions_with(&[("timestamping/enabled", "true")]);
    let by_line = frames().declare(&receiving, "stamped").unwrap();
    let by_zenoh = frames().line(false).declare(&receiving, "stamped").unwrap();
    let camera = camera().declare(&publishing, "stamped").unwrap();
    wait_for_line(&camera);
    put(&camera, 1);
    let [line, zenoh] = [&by_line, &by_zenoh]
        .map(|frames| frames.recv_timeout(PATIENCE).unwrap().timestamp.unwrap());
    assert_eq!(line, zenoh);
}

#[test]
fn a_put_whose_wait_is_ended_blames_nobody() {
    let (publishing, receiving) = sessions();
    let _frames = frames()
        .capacity(1)
        .overflow(Overflow::Refuse)
        .declare(&receiving, "ended/put")
        .unwrap();
    let camera = camera().declare(&publishing, "ended/put").unwrap();
    wait_for_line(&camera);
    put(&camera, 0);
    let slot = camera.alloc(FRAME_BYTES).unwrap();
    let ended = zenoh_pinned::bindings::interruptible(|| true, || camera.put(slot));
    assert!(matches!(ended, Err(PutError::Interrupted)), "{ended:?}");
}

#[test]
fn a_subscriber_of_another_version_is_listed_for_as_long_as_its_token_stands() {
    let (publishing, receiving) = sessions();
    let camera = camera().declare(&publishing, "versions").unwrap();
    let token = receiving
        .liveliness()
        .declare_token("@zpin/inbox/0-0/1-2-3/4/5")
        .wait()
        .unwrap();
    let other = || {
        let lines = camera.lines();
        let mut lines = lines.iter();
        lines.any(|line| line.reason == Some(NoLine::OtherVersion) && line.pid.is_none())
    };
    wait_until("it is listed", other);
    token.undeclare().wait().unwrap();
    wait_until("it has gone", || camera.lines().is_empty());
}
