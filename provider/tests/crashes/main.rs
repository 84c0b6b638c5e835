//! Processes that are killed or stopped, alone and beside living ones: slots come back from the dead, and
//! never from the living.
//!
//! `make test` does a little of it; `make soak` sets `ZENOH_PINNED_KILLS` and `ZENOH_PINNED_STALL_SECONDS`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod forked;
#[path = "../harness/mod.rs"]
mod harness;
mod load;
mod namespace;
mod producer;
mod restarts;
mod stalled;
mod survivor;
mod victim;

use std::time::{Duration, Instant};

use harness::{eventually, peer, shm};
use load::Load;
use survivor::Survivor;
use victim::{HELD, Victim, Way};
use zenoh::{Wait, shm::ShmProviderBuilder};
use zenoh_pinned::PinnedPool;

const BYTES: usize = 100_000;
const KEY: &str = "frames";

/// How many consumers are killed.
fn kills(few: usize) -> usize {
    std::env::var("ZENOH_PINNED_KILLS").map_or(few, |kills| kills.parse().unwrap())
}

fn pool(name: &str, slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .name(name)
        .slots(slots)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(30))
        .build()
        .unwrap()
}

/// Prints how long it took, over all kills; what is asserted elsewhere is that it ends at all.
fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_millis();
    println!(
        "{what}: {} kills, slots back after {} ms (median), {} ms (p90), {} ms (longest)",
        times.len(),
        at(50),
        at(90),
        at(100)
    );
}

/// Kills consumers that are the only ones, and waits after each until the pool is whole again.
fn every_slot_comes_back_from(way: Way) {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("storm", 8);
    let mut times = Vec::new();
    // A third of them for each way.
    let kills = kills(12).div_ceil(3);
    for sequence in 0..kills {
        let victim = Victim::start(&endpoint, way);
        let publisher = peer::publisher(&session, KEY);
        let mut publish = || load::publish(&pool, &publisher, sequence as u64);
        let killed = victim.die_holding(&mut publish);
        eventually("a killed consumer's slots did not come back", || {
            pool.statistics().in_use == 0
        });
        times.push(killed.elapsed());
        eventually("a reason outlives its slots", || {
            pool.quarantine().is_empty()
        });
        if sequence % 100 == 99 {
            println!("{} of {kills}", sequence + 1);
        }
    }
    let statistics = pool.statistics();
    assert!(statistics.reclaimed > 0, "{statistics:?}");
    assert_eq!(statistics.rejected_releases, 0);
    print_times(&format!("{way:?}, alone"), times);
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
fn every_slot_comes_back_from_consumers_killed_while_they_hold_frames() {
    every_slot_comes_back_from(Way::Holding);
}

#[test]
fn every_slot_comes_back_from_consumers_killed_with_unread_messages() {
    every_slot_comes_back_from(Way::Unread);
}

#[test]
fn every_slot_comes_back_from_consumers_killed_with_copies_in_flight() {
    every_slot_comes_back_from(Way::Copying);
}

#[test]
fn slots_come_back_though_failed_allocations_have_left_headers_that_describe_them() {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("failing", HELD as u32);
    // zenoh hands out its headers in turn: after one turn each describes a slot of this pool.
    for _ in 0..33_000 {
        drop(pool.alloc(1).unwrap());
    }
    let victim = Victim::start(&endpoint, Way::Holding);
    let publisher = peer::publisher(&session, KEY);
    let killed = victim.die_holding(&mut || load::publish(&pool, &publisher, 0));
    // Its own allocations take a slot first, zenoh's a header.
    let full = PinnedPool::builder().slots(1).slot_bytes(1);
    let full = ShmProviderBuilder::backend(full.build_backend().unwrap()).wait();
    let _held = full.alloc(1).wait().unwrap();
    for _ in 0..100 {
        full.alloc(1).wait().unwrap_err();
    }
    eventually("a killed consumer's slots did not come back", || {
        pool.statistics().in_use == 0
    });
    println!("{:?} after the kill", killed.elapsed());
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}

#[test]
fn a_storm_of_kills_changes_no_byte_of_what_living_consumers_hold() {
    let endpoint = peer::endpoint();
    let tcp = survivor::tcp_endpoint();
    let session = peer::open(peer::listening_at(&[&endpoint, &tcp]), None);
    let pool = pool("storm beside others", 32);
    let mut survivors = vec![Survivor::rust(&endpoint)];
    survivors.extend(Survivor::python(&tcp));
    let load = Load::start(
        &pool,
        peer::publisher(&session, KEY),
        Duration::from_millis(3),
    );
    let started = Instant::now();
    let mut times = Vec::new();
    let kills = kills(6);
    for kill in 0..kills {
        let way = [Way::Holding, Way::Unread, Way::Copying][kill % 3];
        let reclaimed = pool.statistics().reclaimed;
        let killed = Victim::start(&endpoint, way).die_under_load();
        // How many messages were unread is not known, but those held are.
        if way != Way::Unread {
            eventually("a killed consumer's slots did not come back", || {
                let now = pool.statistics();
                now.reclaimed >= reclaimed + HELD as u64 && now.quarantined == 0
            });
            times.push(killed.elapsed());
        }
        if kill % 100 == 99 {
            println!("{} of {kills}", kill + 1);
        }
    }
    let frames = load.stop();
    let rate = frames as f64 / started.elapsed().as_secs_f64();
    for survivor in survivors {
        survivor.end(frames);
    }
    eventually("the pool is not whole again", || {
        pool.statistics().in_use == 0
    });
    let statistics = pool.statistics();
    assert_eq!((statistics.timeouts, statistics.rejected_releases), (0, 0));
    print_times("beside living consumers", times);
    println!("{frames} frames, {rate:.0} a second during the storm; {statistics:?}");
    drop(pool);
    drop(session);
    // The headers wait for late references; the memory does not.
    eventually("the segment stays", || {
        shm::segments_of_pool("storm beside others").is_empty()
    });
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}
