//! What batches gain where an engine has a cost of its own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zenoh_pinned_workers::PendingAnswer;

use super::{SOON, alone};
use crate::{Outcome, engines};

const REQUESTS: u32 = 400;

pub fn measure() -> Outcome<Value> {
    let one = rate(1)?;
    let eight = rate(8)?;
    Ok(json!({ "one_per_second": one, "eight_per_second": eight, "gain": eight / one }))
}

fn rate(batch: usize) -> Outcome<f64> {
    let session = alone()?;
    let workers = engines::pool("costly")?
        .range(1..=1)
        .batch(batch, Duration::from_millis(2));
    let workers = workers.credits(2).build(&session)?;
    workers.wait_until_ready(1, SOON);
    let begun = Instant::now();
    let pending: Vec<_> = (0..REQUESTS).map(|_| workers.request("x").send()).collect();
    for answer in pending.into_iter().map(PendingAnswer::wait) {
        answer?;
    }
    Ok(f64::from(REQUESTS) / begun.elapsed().as_secs_f64())
}
