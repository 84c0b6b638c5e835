//! Data planes and agents that are killed by turns, at random points, while everybody works.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use zenoh_pinned_exchange::{Agent, DataPlane, Observer, ReadError};

use crate::harness::{
    self, EndAtLast,
    name::Name,
    numbered::{is_whole, observation, weights},
    random::Random,
    words::{ACTIONS, OBSERVATIONS, Words},
    worker::{self, Worker},
};

const ENDS: [&str; 2] = ["data_plane", "agent"];

fn start(end: &str, name: &Name) -> Worker {
    let mut worker = worker::orders(&format!("random_points::worker_{end}"))
        .with("NAME", &**name)
        .start();
    // It has taken the lock of the one before at its first try.
    worker.line("works");
    worker
}

#[test]
fn whoever_is_killed_is_followed_and_nobody_sees_a_torn_record_or_goes_back() {
    let kills = harness::number("ZENOH_PINNED_EXCHANGE_KILLS").unwrap_or(50);
    let name = Name::new();
    let mut workers = ENDS.map(|end| start(end, &name));
    let words = Words::of(&name);
    let (mut random, mut within) = (Random(kills), [0; 2]);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watched = scope.spawn(|| watch(&name, &ended));
        // Also where a kill fails, so that the watcher ends.
        let _end = EndAtLast(&ended);
        for kill in 0..kills {
            let which = kill as usize % 2;
            std::thread::sleep(Duration::from_micros(random.next() % 3000));
            let [data_plane, agent] = &mut workers;
            let victim = [data_plane, agent][which].kill();
            assert!(!victim.success());
            let lane = [OBSERVATIONS, ACTIONS][which];
            within[which] += u64::from(words.is_within_a_message(lane));
            workers[which] = start(ENDS[which], &name);
            assert!(!watched.is_finished(), "the watcher has failed");
        }
        ended.store(true, Ordering::Relaxed);
        let seen = watched.join().unwrap();
        println!(
            "{kills} kills, within a message [data plane, agent]: {within:?}, observer saw {seen:?}"
        );
    });
    // Each made one of the incarnations.
    let half = kills.div_ceil(2);
    assert_eq!(words.get(harness::words::INCARNATIONS[0]), 1 + half);
    assert_eq!(words.get(harness::words::INCARNATIONS[1]), 1 + kills - half);
    for worker in workers {
        worker.end();
    }
}

/// Observes until the end; how many observations and actions there were.
fn watch(name: &str, ended: &AtomicBool) -> [u64; 2] {
    let mut observer = Observer::attach(name).unwrap();
    let mut observed = Observed::default();
    let (mut last_action, mut seen) = (0, [0; 2]);
    while !ended.load(Ordering::Relaxed) {
        match observer.read_observation() {
            Ok(Some(message)) => {
                seen[0] += 1;
                observed.check(message.sequence, &message.record);
            }
            Ok(None) | Err(ReadError::Overrun) => {}
            Err(error) => panic!("{error}"),
        }
        match observer.read_action() {
            Ok(Some(message)) => {
                seen[1] += 1;
                assert!(message.sequence > last_action);
                last_action = message.sequence;
                let action = message.record;
                assert_eq!(action.weights, weights(action.sequence_id), "torn");
                action.check(u64::MAX).unwrap();
            }
            Ok(None) | Err(ReadError::Overrun) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    seen
}

/// What a reader of observations has seen so far.
#[derive(Default)]
struct Observed {
    sequence: u64,
    incarnation: u64,
    tag: u64,
}

impl Observed {
    fn check(&mut self, sequence: u64, record: &zenoh_pinned_exchange::Observation) {
        assert!(is_whole(record, sequence), "torn");
        assert!(
            sequence > self.sequence,
            "{sequence} after {}",
            self.sequence
        );
        assert!(record.incarnation >= self.incarnation);
        // Each data plane counts its own from 1, so that one number does not stand for two messages unseen.
        assert!(record.incarnation > self.incarnation || record.timestamp_us > self.tag);
        (self.sequence, self.incarnation) = (sequence, record.incarnation);
        self.tag = record.timestamp_us;
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_data_plane() {
    let mut data_plane = DataPlane::create(&worker::order("NAME")).unwrap();
    let mut last = 0;
    works_until_the_end(|tag| {
        let number = data_plane.write_observation(&mut observation(tag)).unwrap();
        assert!(number > last);
        last = number;
        match data_plane.read_action() {
            Ok(Some(action)) => assert_eq!(action.weights, weights(action.sequence_id), "torn"),
            Ok(None) => {}
            Err(error) => assert!(error.to_string().contains("faster"), "{error}"),
        }
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_agent() {
    let mut agent = Agent::attach(&worker::order("NAME")).unwrap();
    let mut observed = Observed::default();
    works_until_the_end(|_| {
        match agent.read_observation() {
            Ok(Some(message)) => observed.check(message.sequence, &message.record),
            Ok(None) | Err(ReadError::Overrun) => {}
            Err(error) => panic!("{error}"),
        }
        // Again and again, so that it is often killed while it writes.
        if observed.sequence > 0 {
            let sequence = observed.sequence;
            agent.write_action(sequence, &weights(sequence)).unwrap();
        }
    });
}

fn works_until_the_end(mut work: impl FnMut(u64)) {
    static ENDED: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        worker::wait_for_end();
        ENDED.store(true, Ordering::Relaxed);
    });
    println!("works");
    for tag in 1.. {
        work(tag);
        if ENDED.load(Ordering::Relaxed) {
            return;
        }
    }
}
