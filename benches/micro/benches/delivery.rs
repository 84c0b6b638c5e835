//! From `put` to the message in hand in another process's callback, one way.
//!
//! Both processes read the same clock. The message is there before `put` and nobody writes or reads its bytes: a
//! copy that the transport itself makes is in the time, what the application does with the bytes is not. In hand
//! means what `consumer` says. Beside it, as the floor, a bare wake-up of the same process by a byte in a pipe.
//!
//! This is the latency of single messages, in which the wake-ups of the two processes hide what a small message
//! itself costs; `burst` shows that.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::{
    Error, FRAME_BYTES,
    clock::{between, now},
    line::Line,
    or_end,
    producer::Producer,
    sampling,
    transport::Transport,
};

const BYTES: [usize; 5] = [64, 4 << 10, 64 << 10, 1 << 20, FRAME_BYTES];
/// Larger ones take long without shared memory, and nobody doubts the outcome.
const MOST_BYTES_WITHOUT_SHARED_MEMORY: usize = 1 << 20;
const GAP: Duration = Duration::from_millis(1);
const SAMPLES: usize = 300;
const WARM_UP: Duration = Duration::from_millis(100);

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut lines: [Option<Line>; 3] = [const { None }; 3];
    let mut group = criterion.benchmark_group("put to frame, 1 ms between puts");
    sampling::one_call(&mut group, SAMPLES, WARM_UP);
    for bytes in BYTES {
        for (transport, line) in Transport::ALL.into_iter().zip(&mut lines) {
            if transport == Transport::Plain && bytes > MOST_BYTES_WITHOUT_SHARED_MEMORY {
                continue;
            }
            let mut producer = None;
            group.bench_function(BenchmarkId::new(transport.name(), bytes), |bencher| {
                let producer =
                    producer.get_or_insert_with(|| or_end(Producer::new(transport, 8, bytes)));
                let line =
                    line.get_or_insert_with(|| or_end(Line::new(transport, "receive", true)));
                bencher.iter_custom(|rounds| {
                    (0..rounds).map(|_| or_end(delivery(producer, line))).sum()
                });
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("put to frame, the floor");
    sampling::one_call(&mut group, SAMPLES, WARM_UP);
    let line = &mut lines[0];
    group.bench_function("a byte in a pipe", |bencher| {
        let line =
            line.get_or_insert_with(|| or_end(Line::new(Transport::Pinned, "receive", true)));
        bencher.iter_custom(|rounds| (0..rounds).map(|_| or_end(wake_up(line))).sum());
    });
    group.finish();
}

fn delivery(producer: &Producer, line: &mut Line) -> Result<Duration, Error> {
    std::thread::sleep(GAP);
    let message = producer.message()?;
    let begin = now();
    line.put(message)?;
    Ok(between(begin, line.consumer.time()?))
}

fn wake_up(line: &mut Line) -> Result<Duration, Error> {
    std::thread::sleep(GAP);
    let begin = now();
    line.consumer.wake()?;
    Ok(between(begin, line.consumer.time()?))
}
