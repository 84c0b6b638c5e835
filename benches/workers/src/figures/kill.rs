//! From the death of the one worker to the next answer.

use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{SOON, alone};
use crate::{Outcome, engines, sample::Sample};

const ROUNDS: usize = 9;

pub fn measure() -> Outcome<Value> {
    let session = alone()?;
    let one = measure_with(&session, 1)?;
    let two = measure_with(&session, 2)?;
    Ok(json!({ "one_worker": one, "two_workers": two }))
}

fn measure_with(session: &zenoh::Session, count: usize) -> Outcome<Value> {
    let mut sample = Sample::default();
    for _ in 0..ROUNDS {
        let workers = engines::pool("nothing")?
            .range(count..=count)
            .build(session)?;
        workers.wait_until_ready(count, SOON);
        workers.request("x").send().wait()?;
        let pid = workers
            .statistics()
            .workers
            .first()
            .and_then(|worker| worker.pid);
        let pid = pid
            .and_then(|pid| Pid::from_raw(pid as i32))
            .ok_or("the worker has no number")?;
        let killed = Instant::now();
        kill_process(pid, Signal::KILL)?;
        workers.request("x").send().wait()?;
        sample.push(killed.elapsed());
    }
    Ok(sample.summary())
}
