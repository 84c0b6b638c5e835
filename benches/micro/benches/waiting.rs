//! From a consumer's release of the only slot, in another process, to the return of the allocation that waits for
//! it.
//!
//! Ours waits for the announcement that our consumer makes; stock zenoh's `BlockOn` looks once in a millisecond.
//! The time begins before the consumer lets go, so the release itself is in it.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::{
    Error, FRAME_BYTES,
    clock::{between, now},
    line::Line,
    producer::Producer,
    record::Record,
    transport::Transport,
    turns,
};

const TRANSPORTS: [Transport; 2] = [Transport::Pinned, Transport::Stock];

struct Waiting {
    producer: Producer,
    line: Line,
}

impl Waiting {
    fn new(transport: Transport) -> Result<Self, Error> {
        Ok(Self {
            producer: Producer::new(transport, 1, FRAME_BYTES)?,
            line: Line::new(transport, "release", true)?,
        })
    }

    fn round(&mut self) -> Result<Duration, Error> {
        self.line.put(self.producer.message()?)?;
        // The consumer has the only slot now, so this waits.
        let next = self.producer.message()?;
        let returned = now();
        drop(next);
        Ok(between(self.line.consumer.time()?, returned))
    }
}

pub(crate) fn measure(criterion: &mut Criterion, record: &Record) {
    let mut group = criterion.benchmark_group("waiting allocation, release to return");
    let arms = TRANSPORTS.map(|transport| BenchmarkId::new(transport.name(), FRAME_BYTES));
    let mut waiting = [const { None }; 2];
    turns::measure(&mut group, arms.into(), record.samples(200), |arm| {
        let waiting = match &mut waiting[arm] {
            Some(waiting) => waiting,
            none => none.insert(Waiting::new(TRANSPORTS[arm])?),
        };
        waiting.round()
    });
    group.finish();
}
