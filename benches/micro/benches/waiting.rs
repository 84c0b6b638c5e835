//! From a consumer's release of the only slot, in another process, to the return of the allocation that waits for
//! it.
//!
//! Ours waits for the announcement that our consumer makes; stock zenoh's `BlockOn` looks once in a millisecond.
//! The time begins before the consumer lets go, so the release itself is in it.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::{
    Error, FRAME_BYTES, Outcome,
    clock::{between, now},
    line::{Line, Lines},
    producer::{self, Producer},
    record::Record,
    transport::Transport,
    turns,
};

const GROUP: &str = "waiting allocation, release to return";

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    let transports = [Transport::Pinned, Transport::Stock];
    let producers = producer::of_each(record, GROUP, &transports, 1, FRAME_BYTES)?;
    let mut group = criterion.benchmark_group(GROUP);
    let arms = producers
        .iter()
        .map(|(transport, _)| BenchmarkId::new(transport.name(), FRAME_BYTES));
    let mut lines = Lines::new("release", true);
    turns::measure(&mut group, arms.collect(), record.samples(200), |arm| {
        let (transport, producer) = &producers[arm];
        round(producer, lines.of(*transport)?)
    });
    group.finish();
    Ok(())
}

fn round(producer: &Producer, line: &mut Line) -> Result<Duration, Error> {
    line.put(producer.message()?)?;
    // The consumer has the only slot now, so this waits.
    let next = producer.message()?;
    let returned = now();
    drop(next);
    Ok(between(line.consumer.time()?, returned))
}
