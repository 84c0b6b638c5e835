//! Consumers that stand still: what they hold stays theirs.

use std::time::Duration;

use zenoh::Wait;
use zenoh_pinned::{AllocError, PinnedPool, QuarantineReason};

use crate::{
    BYTES, KEY,
    harness::{eventually, peer, signal, worker},
    load::{self, Load},
    pool,
    survivor::{self, Survivor, is_whole},
    victim::HELD,
};

fn stall() -> Duration {
    let seconds = std::env::var("ZENOH_PINNED_STALL_SECONDS");
    Duration::from_secs(seconds.map_or(2, |seconds| seconds.parse().unwrap()))
}

fn stalled_slots(pool: &PinnedPool, pid: u32) -> u32 {
    let stalled = QuarantineReason::Stalled { pid };
    let quarantine = pool.quarantine();
    let of_it = quarantine.iter().filter(|slots| slots.reason == stalled);
    of_it.map(|slots| slots.slots).sum()
}

#[test]
fn a_stopped_consumer_keeps_its_bytes_while_the_other_slots_serve_the_others() {
    let endpoint = peer::endpoint();
    let tcp = survivor::tcp_endpoint();
    let session = peer::open(peer::listening_at(&[&endpoint, &tcp]), None);
    let pool = pool("stalled", 12);
    let orders = worker::orders("stalled::worker_that_holds_and_no_longer_listens");
    let mut sleeper = orders.with("ENDPOINT", &endpoint).start();
    let publisher = peer::publisher(&session, KEY);
    (0..HELD as u64).for_each(|sequence| load::publish(&pool, &publisher, sequence));
    sleeper.line("holds");
    let mut survivors = vec![Survivor::rust(&endpoint)];
    survivors.extend(Survivor::python(&tcp));

    signal::stop(sleeper.pid());
    let load = Load::start(&pool, peer::publisher(&session, KEY), Duration::ZERO);
    eventually("the stopped consumer is not named", || {
        stalled_slots(&pool, sleeper.pid()) == HELD as u32
    });
    std::thread::sleep(stall());
    // On a busy machine a look may find a live one too slow to confirm, and name that for a moment.
    let quarantine = pool.quarantine();
    let slots: u32 = quarantine.iter().map(|slots| slots.slots).sum();
    assert_eq!(slots, HELD as u32, "{quarantine:?}");
    eventually("the stopped consumer is no longer named", || {
        stalled_slots(&pool, sleeper.pid()) == HELD as u32
    });

    signal::go_on(sleeper.pid());
    eventually("the consumer that goes on is still in quarantine", || {
        pool.statistics().quarantined == 0
    });
    sleeper.close_input();
    assert_eq!(sleeper.line("intact"), format!("{HELD} of {HELD}"));
    sleeper.end_without_report();
    // Its late drops are behind us; the others must not have lost a reference to them.
    std::thread::sleep(Duration::from_millis(500));
    let frames = load.stop();
    println!("{frames} frames while and after a consumer stood still");
    for survivor in survivors {
        survivor.end(frames);
    }
    eventually("the pool is not whole again", || {
        pool.statistics().in_use == 0
    });
    let statistics = pool.statistics();
    assert_eq!((statistics.reclaimed, statistics.timeouts), (0, 0));
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_holds_and_no_longer_listens() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    let held: Vec<_> = (0..HELD).map(|_| subscriber.recv().unwrap()).collect();
    subscriber.undeclare().wait().unwrap();
    println!("holds");
    worker::wait_for_end();
    let intact = held.iter().filter(|sample| is_whole(sample)).count();
    println!("intact {intact} of {HELD}");
    drop(held);
}

#[test]
fn a_pool_that_a_stopped_subscriber_has_filled_says_who_it_is_and_goes_on_with_it() {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("filled", 4);
    let mut sleeper = worker::orders("stalled::worker_that_listens")
        .with("ENDPOINT", &endpoint)
        .start();
    let publisher = peer::publisher(&session, KEY);
    load::publish(&pool, &publisher, 0);
    sleeper.line("received 0");
    eventually("the first frame's slot", || pool.statistics().in_use == 0);
    signal::stop(sleeper.pid());
    (1..5).for_each(|sequence| load::publish(&pool, &publisher, sequence));
    eventually("the stopped consumer is not named", || {
        match pool.alloc_timeout(BYTES, Duration::from_millis(50)) {
            Ok(_) => panic!("an unread slot was handed out"),
            Err(error @ AllocError::TimedOut { .. }) => error.to_string().contains(&format!(
                "process {} may hold them and stands still",
                sleeper.pid()
            )),
            Err(error) => panic!("{error}"),
        }
    });
    signal::go_on(sleeper.pid());
    for sequence in 1..5 {
        sleeper.line(&format!("received {sequence}"));
    }
    load::publish(&pool, &publisher, 5);
    sleeper.line("received 5");
    assert_eq!(pool.statistics().reclaimed, 0);
    sleeper.end_without_report();
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_listens() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session
        .declare_subscriber(KEY)
        .callback(|sample| {
            let sequence = sample.attachment().unwrap().to_bytes();
            assert!(is_whole(&sample));
            println!(
                "received {}",
                u64::from_le_bytes(sequence.as_ref().try_into().unwrap())
            );
        })
        .wait()
        .unwrap();
    worker::wait_for_end();
    drop(subscriber);
}
