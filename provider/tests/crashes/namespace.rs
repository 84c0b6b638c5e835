//! A producer in a pid namespace of its own, as in a container: it cannot see who else shares `/dev/shm`.

use std::process::Command;

use zenoh_pinned::QuarantineReason;

use crate::{
    harness::{eventually, peer, worker},
    load, pool,
    victim::{HELD, Victim, Way},
};

fn producer_in_a_namespace(policy: &str) -> worker::Worker {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.arg(std::env::current_exe().unwrap());
    worker::orders_by(command, "namespace::worker_whose_consumer_dies")
        .with("ZENOH_PINNED_RECLAIM", policy)
        .start()
}

#[test]
fn a_producer_that_does_not_see_every_process_says_so_and_keeps_the_slots() {
    let mut producer = producer_in_a_namespace("proven");
    producer.line("quarantined for the namespace");
    producer.end_without_report();
}

#[test]
fn a_producer_that_is_told_that_it_sees_every_process_takes_the_slots_back() {
    let mut producer = producer_in_a_namespace("namespace");
    producer.line("reclaimed");
    producer.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_whose_consumer_dies() {
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let pool = pool("in a namespace", 8);
    let victim = Victim::start(&endpoint, Way::Holding);
    let publisher = peer::publisher(&session, crate::KEY);
    victim.die_holding(&mut || load::publish(&pool, &publisher, 0));
    if worker::order("ZENOH_PINNED_RECLAIM") == "namespace" {
        eventually("the slots", || pool.statistics().in_use == 0);
        assert_eq!(pool.statistics().reclaimed, HELD as u64);
        println!("reclaimed");
    } else {
        eventually("the reason", || {
            let quarantine = pool.quarantine();
            quarantine.iter().any(|slots| {
                slots.reason == QuarantineReason::OtherNamespaces && slots.slots == HELD as u32
            })
        });
        assert_eq!(pool.statistics().in_use, HELD as u32);
        println!("quarantined for the namespace");
    }
    worker::wait_for_end();
    drop(std::fs::remove_file(peer::socket_file(&endpoint)));
}
