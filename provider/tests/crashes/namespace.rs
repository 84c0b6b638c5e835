//! A producer in a pid namespace of its own, as in a container: it cannot see who else shares `/dev/shm`.

use std::process::Command;

use zenoh_pinned::QuarantineReason;

use crate::{
    harness::{eventually, peer, worker},
    load, pool,
    victim::{HELD, Victim, Way},
};

fn in_a_namespace() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    command
}

/// None where this user cannot make a namespace, which the output then says.
fn producer_in_a_namespace(policy: &str) -> Option<worker::Worker> {
    let made = in_a_namespace().arg("true").output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: this machine gives no pid namespace");
        return None;
    }
    let mut command = in_a_namespace();
    command.arg(std::env::current_exe().unwrap());
    let orders = worker::orders_by(command, "namespace::worker_whose_consumer_dies");
    Some(orders.with("ZENOH_PINNED_RECLAIM", policy).start())
}

#[test]
fn a_producer_that_does_not_see_every_process_says_so_and_keeps_the_slots() {
    if let Some(mut producer) = producer_in_a_namespace("proven") {
        producer.line("quarantined for the namespace");
        producer.end_without_report();
    }
}

#[test]
fn a_producer_that_is_told_that_it_sees_every_process_takes_the_slots_back() {
    if let Some(mut producer) = producer_in_a_namespace("namespace") {
        producer.line("reclaimed");
        producer.end_without_report();
    }
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
