//! From a consumer's release of the only slot, in another process, to the return of the allocation that waits for
//! it.
//!
//! Ours waits for the announcement that our consumer makes; stock zenoh's `BlockOn` looks once in a millisecond.
//! The time begins before the consumer lets go, so the release itself is in it.

use std::time::Duration;

use criterion::Criterion;

use crate::{
    Error, FRAME_BYTES,
    clock::{between, now},
    line::Line,
    or_end,
    producer::Producer,
    sampling,
    transport::Transport,
};

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

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("waiting allocation, release to return");
    sampling::one_call(&mut group, 200, Duration::from_millis(200));
    for transport in [Transport::Pinned, Transport::Stock] {
        let mut waiting = None;
        group.bench_function(transport.name(), |bencher| {
            let waiting = waiting.get_or_insert_with(|| or_end(Waiting::new(transport)));
            bencher.iter_custom(|rounds| (0..rounds).map(|_| or_end(waiting.round())).sum());
        });
    }
    group.finish();
}
