//! One write and one read, by turns, in one process: the record's copies lie in this processor's cache.

use zenoh_pinned_exchange::Observation;
use zenoh_pinned_measuring::clock::now;

use crate::{
    Outcome,
    arms::{self, Arm},
    samples::Summary,
};

const ROUNDS: usize = 5;
const CALLS: usize = 200_000;

pub fn measure() -> Outcome<Vec<(String, Summary)>> {
    let mut writes = arms::ALL.map(|_| Vec::with_capacity(ROUNDS * CALLS));
    let mut reads = arms::ALL.map(|_| Vec::with_capacity(ROUNDS * CALLS));
    for round in 0..ROUNDS {
        for (index, arm) in arms::ALL.into_iter().enumerate() {
            let name = format!("exchange-figures-{}-{round}", std::process::id());
            time(arm, &name, &mut writes[index], &mut reads[index])?;
        }
    }
    let named = |what: &'static str, taken: Vec<Vec<u32>>| {
        let arms = arms::ALL.into_iter().zip(taken);
        arms.map(move |(arm, taken)| (format!("{what}, Rust, {}", arm.name()), Summary::of(taken)))
    };
    let writes = named("write", writes.into());
    Ok(writes.chain(named("read", reads.into())).collect())
}

fn time(arm: Arm, name: &str, writes: &mut Vec<u32>, reads: &mut Vec<u32>) -> Outcome<()> {
    let mut data_plane = arm.data_plane(name)?;
    let mut agent = arm.agent(name)?;
    let mut seen = Observation {
        active_as_bitmap: u64::MAX,
        ..Observation::default()
    };
    for number in 1..=CALLS as u64 {
        seen.timestamp_us = number;
        for server in &mut seen.as_stats {
            server.n_flow_on = number as u32;
        }
        let begin = now();
        data_plane.observe(&mut seen)?;
        let between = now();
        let read = agent.look()?;
        let end = now();
        if read.is_none_or(|read| read.as_stats[63].n_flow_on != number as u32) {
            return Err(format!("{}: observation {number} did not arrive", arm.name()).into());
        }
        writes.push((between - begin) as u32);
        reads.push((end - between) as u32);
    }
    Ok(())
}
