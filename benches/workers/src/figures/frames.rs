//! Two cameras and an engine that does nothing.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zenoh_pinned_measuring::sample::Sample;
use zenoh_pinned_workers::Workers;

use super::{SOON, alone};
use crate::{Outcome, engines};

const FRAME_BYTES: usize = 1920 * 1080 * 4;
const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 30);
const SECONDS: u64 = 10;
/// Three seconds, as for the peers.
const WARM_UP: u64 = 90;

pub fn measure() -> Outcome<Value> {
    let session = alone()?;
    let workers = engines::pool("nothing")?.range(2..=2).build(&session)?;
    workers.wait_until_ready(2, SOON);
    let (mut both, mut lost) = (Sample::default(), 0);
    thread::scope(|scope| -> Outcome {
        let cameras = [0, 1].map(|camera| {
            let workers = &workers;
            scope.spawn(move || film(workers, PERIOD * camera / 2))
        });
        for camera in cameras {
            let (sample, missing) = camera.join().map_err(|_| "a camera panicked")??;
            both.extend(sample);
            lost += missing;
        }
        Ok(())
    })?;
    let mut summary = both.summary();
    summary["lost"] = json!(lost);
    Ok(summary)
}

fn film(workers: &Workers, phase: Duration) -> Outcome<(Sample, u64)> {
    let (mut sample, mut lost) = (Sample::default(), 0);
    let begun = Instant::now() + phase;
    for number in 0..SECONDS * 30 + WARM_UP {
        let at = begun + PERIOD * number as u32;
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let mut slot = workers.alloc(FRAME_BYTES)?;
        slot.fill(number as u8);
        slot[..8].copy_from_slice(&number.to_le_bytes());
        let finished = Instant::now();
        let answer = workers.request(slot).send().wait();
        let took = finished.elapsed();
        match answer {
            Ok(answer) if answer[..] == number.to_le_bytes() => {
                if number >= WARM_UP {
                    sample.push(took);
                }
            }
            _ => lost += 1,
        }
    }
    Ok((sample, lost))
}
