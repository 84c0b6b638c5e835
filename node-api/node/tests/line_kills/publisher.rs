//! A publisher in a process of its own.

use std::{
    io::BufRead,
    time::{Duration, Instant},
};

use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, PinnedPublisher};

use crate::{
    checked::{BYTES, Name, fill},
    worker::{PATIENCE, config, eventually, order},
};

const SLOTS: u32 = 64;

#[test]
#[ignore = "a worker of another test"]
fn worker_that_publishes() {
    let (life, frames): (u32, u32) = (
        order("LIFE").parse().unwrap(),
        order("FRAMES").parse().unwrap(),
    );
    let pinner = Pinner::host_only();
    let session = pubsub::open(config(&[order("ENDPOINT")], &[]), &pinner).unwrap();
    let builder = PinnedPublisher::builder(BYTES).slots(SLOTS).wait(PATIENCE);
    let builder = match order("ALONE") == "true" {
        true => builder.alone(),
        false => builder,
    };
    let publisher = builder.declare(&session, &order("KEY")).unwrap();
    println!("declared");
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line).unwrap();
    let pause = Duration::from_micros(order("PAUSE_US").parse().unwrap());
    let mut longest = Duration::ZERO;
    for number in 0..frames {
        let started = Instant::now();
        let mut slot = publisher.alloc(BYTES).unwrap();
        fill(&mut slot, Name { life, number });
        publisher.put(slot).unwrap();
        longest = longest.max(started.elapsed());
        std::thread::sleep(pause);
    }
    println!("has put, {longest:?} at most for one");
    // Until all subscribers have gone.
    input.read_line(&mut line).unwrap();
    let started = Instant::now();
    eventually("every slot comes back", || {
        publisher.statistics().in_use == 0
    });
    println!("free after {:?}", started.elapsed());
    while input.read_line(&mut line).unwrap() > 0 {}
    println!("summary {life}");
}
