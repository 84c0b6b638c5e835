//! Several messages sent right behind each other, from before the first one's memory is taken to the last one in
//! hand in another process's callback; the time is that of one message, a share of the whole.
//!
//! Where `delivery` waits for each message, here the work for a message is what counts. Shared memory costs every
//! message the same, an ordinary one costs by its bytes: up to some size the latter is less, and this is to show
//! which. As there, the bytes are neither written nor read by the application; zenoh sends small messages together
//! where it can, as is its default.

use std::time::Duration;

use zenoh_pinned_measuring::clock::now;

use crate::{
    Error, Outcome,
    arm::{Arm, Producer},
    consumer::RECEIVE_APART,
    line::Line,
    sizes,
};

const BYTES: [usize; 5] = [64, 1 << 10, 4 << 10, 16 << 10, 64 << 10];
const MESSAGES: u32 = 64;
const SAMPLES: usize = 100;

pub(crate) fn by_size() -> Outcome {
    let title = format!("`put` to message in hand, a message of {MESSAGES} in a row");
    let mut lines = Vec::new();
    for arm in Arm::ALL {
        lines.push(Line::new(RECEIVE_APART, arm, false)?);
    }
    sizes::heading(&title, &Arm::ALL.map(Arm::name));
    for bytes in BYTES {
        let producers = sizes::producers(&title, &Arm::ALL, MESSAGES, bytes);
        let times = sizes::in_turns(producers.len(), SAMPLES, |arm| {
            let producer = producers[arm].as_ref();
            producer
                .map(|producer| burst(producer, &mut lines[arm]))
                .transpose()
        })?;
        sizes::row(bytes, &times);
    }
    Ok(())
}

fn burst(producer: &Producer, line: &mut Line) -> Result<u64, Error> {
    std::thread::sleep(Duration::from_millis(1));
    let begin = now();
    for _ in 1..MESSAGES {
        line.put_untold(producer.message()?)?;
    }
    line.put(producer.message()?)?;
    let [_, in_hand] = line.consumer.times()?;
    Ok(in_hand.saturating_sub(begin) / u64::from(MESSAGES))
}
