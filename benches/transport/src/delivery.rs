//! From `put` to the message in another process, one way.
//!
//! Both processes read the same clock. The message is there before `put` and nobody writes or reads its bytes: a copy
//! that the transport itself makes is in the time, what the application does with the bytes is not. In hand means what
//! `consumer` says.
//!
//! These are latencies of single messages, in which the wake-ups of the two processes hide what a small message itself
//! costs; `burst` shows that. The floor is such a wake-up alone, by a byte in a pipe.

use std::{thread::sleep, time::Duration};

use zenoh_pinned_measuring::clock::now;

use crate::{
    Error, FRAME_BYTES, Outcome,
    arm::{Arm, Producer},
    consumer::{RECEIVE, RECEIVE_APART},
    line::Line,
    samples::{Samples, heading},
    sizes,
};

const ROUNDS: usize = 600;
const WARM_UP: usize = 20;

/// Of frames, to the callback and to the frame in hand.
pub(crate) fn measure() -> Outcome {
    let mut arms = [
        (
            Producer::new(Arm::Pinned, 8, FRAME_BYTES)?,
            Line::new(RECEIVE, Arm::Pinned, true)?,
        ),
        (
            Producer::new(Arm::Stock, 8, FRAME_BYTES)?,
            Line::new(RECEIVE, Arm::Stock, true)?,
        ),
    ];
    for (title, gap) in [("33 ms", 33), ("5 ms", 5)] {
        // Callback of ours, frame of ours, callback of stock.
        let mut times = [Samples::default(), Samples::default(), Samples::default()];
        let rounds = if gap > 10 { ROUNDS / 2 } else { ROUNDS };
        for round in 0..rounds + WARM_UP {
            for (index, (producer, line)) in arms.iter_mut().enumerate() {
                let [called, in_hand] = put(producer, line)?;
                if round >= WARM_UP {
                    times[2 * index].push(called);
                    if index == 0 {
                        times[1].push(in_hand);
                    }
                }
                sleep(Duration::from_millis(gap));
            }
        }
        heading(&format!(
            "`put` to another process's callback, {title} between puts"
        ));
        println!("{}", times[0].row("zenoh-pinned, callback"));
        println!("{}", times[1].row("zenoh-pinned, `Frame` in hand"));
        println!("{}", times[2].row("stock zenoh, callback"));
    }
    Ok(())
}

const BYTES: [usize; 5] = [64, 4 << 10, 64 << 10, 1 << 20, FRAME_BYTES];
/// Larger ones take long without shared memory, and nobody doubts the outcome.
const MOST_BYTES_WITHOUT_SHARED_MEMORY: usize = 1 << 20;
const GAP: Duration = Duration::from_millis(1);
const SAMPLES: usize = 300;

/// To the message in hand.
pub(crate) fn by_size() -> Outcome {
    let title = "`put` to message in hand, 1 ms between puts";
    let mut lines = Vec::new();
    for arm in Arm::ALL {
        lines.push(Line::new(RECEIVE_APART, arm, true)?);
    }
    let names = Arm::ALL.map(Arm::name);
    let columns = [&names[..], &["floor: a byte in a pipe"]].concat();
    sizes::heading(title, &columns);
    for bytes in BYTES {
        let mut producers = sizes::producers(title, &Arm::ALL, 8, bytes);
        if bytes > MOST_BYTES_WITHOUT_SHARED_MEMORY {
            producers[Arm::Plain as usize] = None;
        }
        let times = sizes::in_turns(columns.len(), SAMPLES, |column| {
            sleep(GAP);
            Ok(match producers.get(column) {
                Some(Some(producer)) => Some(put(producer, &mut lines[column])?[1]),
                Some(None) => None,
                None => Some(wake_up(&mut lines[0])?),
            })
        })?;
        sizes::row(bytes, &times);
    }
    Ok(())
}

/// Nanoseconds to the callback, and to the message in hand.
fn put(producer: &Producer, line: &mut Line) -> Result<[u64; 2], Error> {
    let message = producer.message()?;
    let begin = now();
    line.put(message)?;
    let times = line.consumer.times::<2>()?;
    Ok(times.map(|time| time.saturating_sub(begin)))
}

fn wake_up(line: &mut Line) -> Result<u64, Error> {
    let begin = now();
    line.consumer.wake()?;
    let [woken] = line.consumer.times()?;
    Ok(woken.saturating_sub(begin))
}
