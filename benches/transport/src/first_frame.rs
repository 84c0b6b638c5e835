//! The first frame of a pool at a consumer that has just come: the segment is attached on the way.

use std::{thread::sleep, time::Duration};

use zenoh_pinned_measuring::clock::now;

use crate::{
    FRAME_BYTES, Outcome,
    arm::{Arm, Producer},
    consumer::RECEIVE,
    line::Line,
    samples::{Samples, heading},
};

const ROUNDS: usize = 25;

pub(crate) fn measure() -> Outcome {
    let arms = [
        ("zenoh-pinned, 64 MiB", Arm::Pinned, 8, FRAME_BYTES),
        ("stock zenoh, 64 MiB", Arm::Stock, 8, FRAME_BYTES),
        // What zenoh itself does at the first shared-memory message, whatever the pool.
        ("stock zenoh, 8 KiB: the floor", Arm::Stock, 1, 4096),
    ];
    let mut producers = Vec::new();
    for (_, arm, slots, bytes) in arms {
        producers.push(Producer::new(arm, slots, bytes)?);
    }
    let mut times = [(); 3].map(|()| Samples::default());
    for _ in 0..ROUNDS {
        for (((_, arm, ..), producer), times) in arms.iter().zip(&producers).zip(&mut times) {
            let mut line = Line::new(RECEIVE, *arm, true)?;
            sleep(Duration::from_millis(100));
            let frame = producer.message()?;
            let begin = now();
            line.put(frame)?;
            let [called, _] = line.consumer.times()?;
            times.push(called.saturating_sub(begin));
        }
    }
    heading("first frame of a pool to a new consumer's callback");
    for ((name, ..), times) in arms.iter().zip(&times) {
        println!("{}", times.row(name));
    }
    Ok(())
}
