//! Several messages sent right behind each other, from before the first one's memory is taken to the last one in
//! hand in another process's callback; the time is that of one message, a share of the whole.
//!
//! Where `delivery` waits for each message, here the work for a message is what counts. Shared memory costs every
//! message the same, an ordinary one costs by its bytes: up to some size the latter is less, and this is to show
//! which. As there, the bytes are neither written nor read by the application; zenoh sends small messages together
//! where it can, as is its default.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::{
    Error, Outcome,
    clock::{between, now},
    line::{Line, Lines},
    producer::{self, Producer},
    record::Record,
    transport::Transport,
    turns,
};

const BYTES: [usize; 5] = [64, 1 << 10, 4 << 10, 16 << 10, 64 << 10];
const MESSAGES: u32 = 64;

pub(crate) fn measure(criterion: &mut Criterion, record: &mut Record) -> Outcome {
    let title = format!("put to frame, a message of {MESSAGES} in a row");
    let mut group = criterion.benchmark_group(&title);
    let mut lines = Lines::new("receive", false);
    for bytes in BYTES {
        let what = format!("{title}, {bytes} bytes");
        let producers = producer::of_each(record, &what, &Transport::ALL, MESSAGES, bytes)?;
        let arms = producers
            .iter()
            .map(|(transport, _)| BenchmarkId::new(transport.name(), bytes));
        turns::measure(&mut group, arms.collect(), record.samples(100), |arm| {
            let (transport, producer) = &producers[arm];
            burst(producer, lines.of(*transport)?)
        });
    }
    group.finish();
    Ok(())
}

fn burst(producer: &Producer, line: &mut Line) -> Result<Duration, Error> {
    std::thread::sleep(Duration::from_millis(1));
    let begin = now();
    for _ in 1..MESSAGES {
        line.put_untold(producer.message()?)?;
    }
    line.put(producer.message()?)?;
    Ok(between(begin, line.consumer.time()?) / MESSAGES)
}
