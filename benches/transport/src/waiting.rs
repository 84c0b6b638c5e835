//! From a consumer's release of the only slot, in another process, to the return of the allocation that waits for it.
//!
//! Ours waits for the announcement that our consumer makes, and looks now and then in case the consumer is none of ours;
//! stock zenoh's `BlockOn` looks once in a millisecond. The time begins before the consumer lets go, so the release
//! itself is in it.

use std::{thread::sleep, time::Duration};

use zenoh_pinned_measuring::clock::now;

use crate::{
    Error, FRAME_BYTES, Outcome,
    arm::{Arm, Producer},
    consumer::RELEASE,
    line::Line,
    samples::{Samples, heading},
};

const ROUNDS: usize = 300;

pub(crate) fn measure() -> Outcome {
    let arm = |name, producer, consumer| -> Result<_, Error> {
        let producer = Producer::new(producer, 1, FRAME_BYTES)?;
        let line = Line::new(RELEASE, consumer, true)?;
        Ok((name, producer, line, Samples::default()))
    };
    let mut arms = [
        arm(
            "zenoh-pinned, our consumer (it announces)",
            Arm::Pinned,
            Arm::Pinned,
        )?,
        arm(
            "zenoh-pinned, unmodified consumer (polled)",
            Arm::Pinned,
            Arm::Stock,
        )?,
        arm("stock zenoh, `BlockOn`", Arm::Stock, Arm::Stock)?,
    ];
    for _ in 0..ROUNDS {
        for (_, producer, line, times) in &mut arms {
            times.push(round(producer, line)?);
            sleep(Duration::from_millis(1));
        }
    }
    heading("release in a consumer to return of a waiting allocation");
    for (name, .., times) in &arms {
        println!("{}", times.row(name));
    }
    Ok(())
}

fn round(producer: &Producer, line: &mut Line) -> Result<u64, Error> {
    line.put(producer.message()?)?;
    // The consumer has the only slot now, so this waits.
    let next = producer.message()?;
    let returned = now();
    drop(next);
    let [released] = line.consumer.times()?;
    Ok(returned.saturating_sub(released))
}
