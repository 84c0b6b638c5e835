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
    Error, FRAME_BYTES, Outcome,
    clock::{between, now},
    line::{Line, Lines},
    producer::{self, Producer},
    record::Record,
    transport::Transport,
    turns,
};

const BYTES: [usize; 5] = [64, 4 << 10, 64 << 10, 1 << 20, FRAME_BYTES];
/// Larger ones take long without shared memory, and nobody doubts the outcome.
const MOST_BYTES_WITHOUT_SHARED_MEMORY: usize = 1 << 20;
const GAP: Duration = Duration::from_millis(1);
const GROUP: &str = "put to frame, 1 ms between puts";
const FLOOR: &str = "floor: a byte in a pipe";

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    let mut group = criterion.benchmark_group(GROUP);
    let mut lines = Lines::new("receive", true);
    for bytes in BYTES {
        let transports = match bytes {
            0..=MOST_BYTES_WITHOUT_SHARED_MEMORY => &Transport::ALL[..],
            _ => &[Transport::Pinned, Transport::Stock],
        };
        let what = format!("{GROUP}, {bytes} bytes");
        let producers = producer::of_each(record, &what, transports, 8, bytes)?;
        let Some((first, _)) = producers.first() else {
            continue;
        };
        let names = producers.iter().map(|(transport, _)| transport.name());
        let arms = names
            .chain([FLOOR])
            .map(|name| BenchmarkId::new(name, bytes));
        turns::measure(&mut group, arms.collect(), record.samples(300), |arm| {
            std::thread::sleep(GAP);
            match producers.get(arm) {
                Some((transport, producer)) => delivery(producer, lines.of(*transport)?),
                None => wake_up(lines.of(*first)?),
            }
        });
    }
    group.finish();
    Ok(())
}

fn delivery(producer: &Producer, line: &mut Line) -> Result<Duration, Error> {
    let message = producer.message()?;
    let begin = now();
    line.put(message)?;
    Ok(between(begin, line.consumer.time()?))
}

fn wake_up(line: &mut Line) -> Result<Duration, Error> {
    let begin = now();
    line.consumer.wake()?;
    Ok(between(begin, line.consumer.time()?))
}
