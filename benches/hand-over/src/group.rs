//! The processes of one arm in one row, and its turns.

use std::time::{Duration, Instant};

use zenoh_pinned_measuring::process::Process;

use crate::{
    Outcome, consumer,
    orders::{CONSUMER, Orders, PRODUCER},
    producer,
    samples::Taken,
};

/// No process takes so long for a turn, or to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many warm-up frames a consumer must have seen.
const WARM: u64 = 5;

pub struct Group {
    producer: Process,
    consumers: Vec<Process>,
    pub taken: Taken,
}

impl Group {
    /// Starts them, and returns when frames arrive.
    pub fn start(orders: &Orders) -> Outcome<Self> {
        // One after the other: zenoh processes that start at once can sweep away each other's new memory.
        let mut producer = orders.start(PRODUCER)?;
        expect(&mut producer, "listening")?;
        let mut consumers = Vec::new();
        for index in 0..orders.consumers {
            let orders = Orders {
                index,
                ..orders.clone()
            };
            let mut consumer = orders.start(CONSUMER)?;
            expect(&mut consumer, "listening")?;
            consumers.push(consumer);
        }
        let mut group = Self {
            producer,
            consumers,
            taken: Taken::default(),
        };
        group.warm_up()?;
        Ok(group)
    }

    fn warm_up(&mut self) -> Outcome {
        let until = Instant::now() + PATIENCE;
        loop {
            ask(&mut self.producer, producer::WARM_UP)?;
            let mut are_warm = true;
            for consumer in &mut self.consumers {
                let seen: u64 = ask(consumer, consumer::SEEN)?.parse()?;
                are_warm &= seen >= WARM;
            }
            if are_warm {
                return Ok(());
            }
            if Instant::now() > until {
                return Err("no frame arrives".into());
            }
        }
    }

    /// One turn; `number` counts from 1.
    pub fn turn(&mut self, number: u32) -> Outcome {
        for consumer in &mut self.consumers {
            ask(consumer, &format!("{} {number}", consumer::TURN))?;
        }
        let said = ask(&mut self.producer, &format!("{} {number}", producer::TURN))?;
        let sent = producer::Turn::of(&said).ok_or("a producer's turn is no numbers")?;
        self.taken.sent += sent.sent;
        self.taken.missed += sent.missed;
        self.taken.producer_cpu += sent.cpu;
        for consumer in &mut self.consumers {
            let said = ask(consumer, &format!("{} {}", consumer::END, sent.sent))?;
            let seen = consumer::Turn::of(&said).ok_or("a consumer's turn is no numbers")?;
            let received = seen.nanoseconds.len() as u64;
            if seen.wrong > 0 {
                let wrong = seen.wrong;
                return Err(format!("{wrong} frames arrived wrong, for instance as a copy").into());
            }
            self.taken.lost += sent.sent.saturating_sub(received);
            self.taken.repeated += seen.repeated;
            self.taken.consumer_cpu += seen.cpu;
            // As many intervals as there are frames but one.
            let rate = received.saturating_sub(1) as f64 / seen.span.max(1) as f64;
            self.taken.rates.push(rate * 1e9);
            self.taken.nanoseconds.extend(seen.nanoseconds);
        }
        Ok(())
    }

    /// Has them end, the producer first: its last frame ends the consumers.
    pub fn end(self) -> Outcome<Taken> {
        self.producer.end()?;
        for consumer in self.consumers {
            consumer.end()?;
        }
        Ok(self.taken)
    }
}

fn expect(process: &mut Process, word: &str) -> Outcome {
    match hear(process)? {
        line if line == word => Ok(()),
        line => Err(format!("{} said {line:?}", process.name()).into()),
    }
}

fn ask(process: &mut Process, line: &str) -> Outcome<String> {
    process.tell(line)?;
    hear(process)
}

fn hear(process: &mut Process) -> Outcome<String> {
    let heard = process.hear(PATIENCE)?;
    heard.ok_or_else(|| format!("{} has said nothing for {PATIENCE:?}", process.name()).into())
}
