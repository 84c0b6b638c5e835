//! From `put` to the message in hand in another process's callback, one way.
//!
//! Both processes read the same clock. The message is there before `put` and nobody writes or reads its bytes: a
//! copy that the transport itself makes is in the time, what the application does with the bytes is not. In hand
//! means what `consumer` says. Beside it, as the floor, a bare wake-up of another process by a byte in a pipe.
//!
//! This is the latency of single messages, in which the wake-ups of the two processes hide what a small message
//! itself costs; `burst` shows that.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::{
    FRAME_BYTES,
    clock::{between, now},
    line::Lines,
    producer::Producer,
    record::Record,
    transport::Transport,
    turns,
};

const BYTES: [usize; 5] = [64, 4 << 10, 64 << 10, 1 << 20, FRAME_BYTES];
/// Larger ones take long without shared memory, and nobody doubts the outcome.
const MOST_BYTES_WITHOUT_SHARED_MEMORY: usize = 1 << 20;
const GAP: Duration = Duration::from_millis(1);
const FLOOR: &str = "floor: a byte in a pipe";

pub(crate) fn measure(criterion: &mut Criterion, record: &Record) {
    let mut group = criterion.benchmark_group("put to frame, 1 ms between puts");
    let mut lines = Lines::new(true);
    for bytes in BYTES {
        let transports = match bytes {
            0..=MOST_BYTES_WITHOUT_SHARED_MEMORY => &Transport::ALL[..],
            _ => &[Transport::Pinned, Transport::Stock],
        };
        let names = transports.iter().map(|transport| transport.name());
        let arms = names
            .chain([FLOOR])
            .map(|name| BenchmarkId::new(name, bytes));
        let mut producers = [const { None }; 3];
        let samples = record.samples(300);
        turns::measure(&mut group, arms.collect(), samples, |arm| {
            std::thread::sleep(GAP);
            let Some(transport) = transports.get(arm) else {
                let consumer = &mut lines.of(Transport::Pinned)?.consumer;
                let begin = now();
                consumer.wake()?;
                return Ok(between(begin, consumer.time()?));
            };
            let producer = match &mut producers[arm] {
                Some(producer) => producer,
                none => none.insert(Producer::new(*transport, 8, bytes)?),
            };
            let line = lines.of(*transport)?;
            let message = producer.message()?;
            let begin = now();
            line.put(message)?;
            Ok(between(begin, line.consumer.time()?))
        });
    }
    group.finish();
}
