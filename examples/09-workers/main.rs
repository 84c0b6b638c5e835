//! Frames served by processes that may die: the supervisor asks, and starts this program again as its workers. Kill some of
//! them (their numbers are printed): every frame is answered all the same. `zenoh-pinned serve` shows it in a browser.

use std::{ffi::OsString, thread::sleep, time::Duration};

use zenoh::Config;
use zenoh_pinned::Pinner;
use zenoh_pinned_workers::{Answer, Batch, Payload, Worker, Workers};

const FRAME_BYTES: usize = 640 * 480;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => Ok(Worker::connect()?.serve(brightness)?), // a real one loads its model first
        frames => supervise(frames.unwrap_or("300").parse()?),
    }
}

/// The frames lie where they were written: nothing was copied to get here.
fn brightness(batch: &Batch) -> Vec<Answer> {
    let answers = batch.iter().map(|request| {
        let sum: u64 = request.payload.iter().map(|byte| u64::from(*byte)).sum();
        Ok(Payload::from(&*(sum / FRAME_BYTES as u64).to_string()))
    });
    answers.collect()
}

fn supervise(frames: u32) -> Outcome {
    let mut config = Config::default();
    config.insert_json5("scouting/multicast/enabled", "false")?;
    let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only())?;
    let program = std::env::current_exe()?.into_os_string();
    let workers = Workers::builder("brightness")
        .command([program, OsString::from("worker")])
        .range(2..=3)
        .batch(4, Duration::from_millis(2))
        .on_ready(|worker| {
            println!(
                "worker {} is process {}",
                worker.seat,
                worker.pid.unwrap_or(0)
            )
        })
        .build(&session)?;
    for number in 1..=frames {
        let mut slot = workers.alloc(FRAME_BYTES)?;
        slot.fill(number as u8); // a camera or decoder writes here
        let answer = workers.request(slot).send().wait()?;
        if number % 100 == 0 {
            let brightness = String::from_utf8_lossy(&answer);
            let pool = workers.statistics();
            let restarts: u64 = pool.workers.iter().map(|worker| worker.restarts).sum();
            println!("frame {number}: brightness {brightness}; {restarts} workers restarted");
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}
