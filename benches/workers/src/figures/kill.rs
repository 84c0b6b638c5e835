//! From the death of a worker to the next answer, as the peers' figure of the same name has it.
//!
//! `busy`: two workers whose engine takes 20 ms, each kept busy by a caller; one is killed 10 ms into a request.
//! `next_answer_ms` is of a request sent right after the kill, `new_worker_ms` the first answer of a worker that was not
//! there before, `killed_request_ms` when the request that the killed worker had was answered all the same.
//! `only`: one worker, idle, killed.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use zenoh_pinned_measuring::sample::Sample;
use zenoh_pinned_workers::Workers;

use super::{SOON, alone};
use crate::{Outcome, engines};

const ROUNDS: usize = 5;
const WITHIN: Duration = Duration::from_millis(10);

pub fn measure() -> Outcome<Value> {
    let session = alone()?;
    let (mut next, mut new, mut killed) = Default::default();
    let mut only = Sample::default();
    for _ in 0..ROUNDS {
        let workers = engines::pool("held")?.range(2..=2).build(&session)?;
        workers.wait_until_ready(2, SOON);
        busy(&workers, &mut next, &mut new, &mut killed)?;
        drop(workers);
        let workers = engines::pool("who")?.range(1..=1).build(&session)?;
        let pid = who(&workers)?;
        let begun = kill(pid)?;
        who(&workers)?;
        only.push(begun.elapsed());
    }
    let milliseconds = |mut sample: Sample| sample.quantile(0.5) / 1e3;
    Ok(json!({
        "busy": {
            "next_answer_ms": milliseconds(next),
            "new_worker_ms": milliseconds(new),
            "killed_request_ms": milliseconds(killed),
        },
        "only": { "next_answer_ms": milliseconds(only) },
    }))
}

fn busy(workers: &Workers, next: &mut Sample, new: &mut Sample, killed: &mut Sample) -> Outcome {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| -> Outcome {
        let callers = [0, 1].map(|_| {
            scope.spawn(|| -> Outcome<Vec<(Instant, Instant)>> {
                let mut requests = Vec::new();
                while !ends.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    who(workers)?;
                    requests.push((begun, Instant::now()));
                }
                Ok(requests)
            })
        });
        thread::sleep(Duration::from_millis(200));
        let before: HashSet<u32> = workers
            .statistics()
            .workers
            .iter()
            .filter_map(|worker| worker.pid)
            .collect();
        let victim = who(workers)?;
        thread::sleep(WITHIN);
        let begun = kill(victim)?;
        who(workers)?;
        next.push(begun.elapsed());
        while before.contains(&who(workers)?) {}
        new.push(begun.elapsed());
        ends.store(true, Ordering::Relaxed);
        let mut latest = None;
        for caller in callers {
            let requests = caller.join().map_err(|_| "a caller panicked")??;
            let hit = requests
                .iter()
                .find(|(from, to)| *from <= begun && begun < *to);
            latest = latest.max(hit.map(|(_, to)| *to - begun));
        }
        killed.push(latest.ok_or("no request was under way")?);
        Ok(())
    })
}

/// The process that answers.
fn who(workers: &Workers) -> Outcome<u32> {
    let answer = workers.request("x").send().wait()?;
    Ok(std::str::from_utf8(&answer)?.parse()?)
}

fn kill(pid: u32) -> Outcome<Instant> {
    let pid = Pid::from_raw(pid as i32).ok_or("no such process")?;
    let now = Instant::now();
    kill_process(pid, Signal::KILL)?;
    Ok(now)
}
