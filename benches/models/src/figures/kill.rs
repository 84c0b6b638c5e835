//! From SIGKILL of a worker in Python that is busy, and reads weights for each answer, to the next answer; beside a cold start.
//!
//! A cold start is from nothing to the first answer: a server of models is started, and two workers; the first of them to ask
//! has the file read from the disk, whose pages the kernel was told to forget. The pool's callers are as many as its workers,
//! and each asks again at once, so that every worker is busy. One is killed ten milliseconds into a request of twenty.
//!
//! | time from the kill | to |
//! |---|---|
//! | `next_answer` | the answer of a request that is sent right after it, behind those that wait |
//! | `its_request` | the answer of the request that the killed worker had |
//! | `ready_again` | another worker that is ready in its place |
//!
//! Nothing may be read from a file for any of them, which the registry's figures are asked for.

use std::{
    collections::HashSet,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use zenoh::{Session, Wait};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::session;
use zenoh_pinned_models::Models;
use zenoh_pinned_workers::Workers;

use super::{name_of, peer};
use crate::{Bench, Outcome, median, model_file::ModelFile, server::Server};

const SOON: Duration = Duration::from_secs(60);
const HELD_MILLISECONDS: u32 = 20;
const WITHIN: Duration = Duration::from_millis(10);

/// The times of all rounds: of a cold start, and after kills of one of two workers and of the only one.
#[derive(Default)]
struct Times {
    cold: Vec<f64>,
    disk_bytes: Vec<f64>,
    /// What was read of files after kills.
    read_later: u64,
    two: Vec<Killed>,
    one: Vec<Killed>,
}

/// In seconds.
struct Killed {
    next_answer: f64,
    its_request: f64,
    ready_again: f64,
}

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let file = ModelFile::even(&bench.folder.join("kill.safetensors"), bench.plan.large)?;
    let mut times = Times::default();
    for round in 0..bench.plan.rounds {
        eprintln!("  round {} of {}", round + 1, bench.plan.rounds);
        of_round(bench, &file, &mut times)?;
    }
    std::fs::remove_file(&file.path)?;
    let cold = median(times.cold.clone());
    println!("{:44}{:10.1} ms", "a cold start", cold * 1e3);
    Ok(json!({
        "weights_bytes": file.bytes,
        "engine_ms": HELD_MILLISECONDS,
        "cold_start_ms": cold * 1e3,
        "cold_start_disk_bytes": median(times.disk_bytes.clone()),
        "two": shown("one of two workers", &times.two, &times.cold),
        "one": shown("the only worker", &times.one, &times.cold),
        "read_bytes_after_kills": times.read_later,
    }))
}

fn shown(what: &str, killed: &[Killed], cold: &[f64]) -> Value {
    let mut shown = Map::new();
    for name in ["next_answer", "its_request", "ready_again"] {
        let of = |round: &Killed| match name {
            "next_answer" => round.next_answer,
            "its_request" => round.its_request,
            _ => round.ready_again,
        };
        let seconds: Vec<_> = killed.iter().map(of).collect();
        let ratios = seconds.iter().zip(cold).map(|(took, cold)| took / cold);
        let (middle, ratio) = (median(seconds.clone()) * 1e3, median(ratios.collect()));
        println!(
            "{:44}{middle:10.1} ms{ratio:10.3} of a cold start",
            format!("{what} killed: {}", name.replace('_', " "))
        );
        shown.insert(format!("{name}_ms"), middle.into());
        shown.insert(format!("{name}_of_cold"), ratio.into());
        let of_rounds: Vec<_> = seconds.iter().map(|took| took * 1e3).collect();
        shown.insert(format!("{name}_ms_of_rounds"), of_rounds.into());
    }
    Value::Object(shown)
}

fn of_round(bench: &Bench, file: &ModelFile, times: &mut Times) -> Outcome {
    let name = name_of("kill");
    file.forget()?;
    let begun = Instant::now();
    let server = Server::start(&name)?;
    let pool = Pool::start(bench, file, &name, 2)?;
    pool.ask()?;
    times.cold.push(begun.elapsed().as_secs_f64());
    times.disk_bytes.push(server.disk_bytes()? as f64);
    let registry = Models::builder().server(&name).build();
    let loaded = registry.statistics()?;
    if loaded.loads != 1 || loaded.read_bytes < file.bytes {
        return Err(format!("the file was not read once: {loaded:?}").into());
    }
    times.two.push(pool.kill()?);
    pool.end()?;
    let pool = Pool::start(bench, file, &name, 1)?;
    times.one.push(pool.kill()?);
    pool.end()?;
    let left = registry.statistics()?;
    times.read_later += left.read_bytes.saturating_sub(loaded.read_bytes);
    if left.loads != 1 || times.read_later != 0 {
        return Err(format!("the file was read again after a kill: {left:?}").into());
    }
    server.end()
}

/// Workers that have the weights, and when each of them was ready.
struct Pool<'a> {
    workers: Workers,
    session: Session,
    count: usize,
    ready: Arc<Mutex<ReadyTimes>>,
    file: &'a ModelFile,
}

/// Processes, and when they were.
type ReadyTimes = Vec<(Option<u32>, Instant)>;

/// A request that was answered.
struct Answered {
    begun: Instant,
    ended: Instant,
    by: u32,
}

impl<'a> Pool<'a> {
    fn start(bench: &Bench, file: &'a ModelFile, server: &str, count: usize) -> Outcome<Self> {
        let config = session::configuration::<&str>(&[], &[])?;
        let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only())?;
        let ready = Arc::new(Mutex::new(Vec::new()));
        let tell = ready.clone();
        let mut command = Command::new(&bench.python);
        command.arg(peer("worker.py")).arg(server).arg(&file.path);
        command.arg(HELD_MILLISECONDS.to_string());
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let workers = Workers::builder("weights")
            .command(words)
            .range(count..=count)
            .on_ready(move |worker| {
                let mut ready = tell.lock().unwrap_or_else(PoisonError::into_inner);
                ready.push((worker.pid, Instant::now()));
            })
            .build(&session)?;
        Ok(Self {
            workers,
            session,
            count,
            ready,
            file,
        })
    }

    fn end(self) -> Outcome {
        drop(self.workers);
        self.session.close().wait()
    }

    /// One request, whose answer is right.
    fn ask(&self) -> Outcome<Answered> {
        let begun = Instant::now();
        let request = self.workers.request("read").deadline(SOON);
        let answer = request.send().wait()?;
        let ended = Instant::now();
        let answer = std::str::from_utf8(&answer)?;
        let words: Vec<_> = answer.split(' ').collect();
        let [by, tensor, greatest] = words[..] else {
            return Err(format!("a worker answers {answer:?}").into());
        };
        let expected = self.file.greatest.get(tensor.parse::<usize>()?);
        if expected != Some(&greatest.parse()?) {
            return Err(format!("a worker reads {greatest} in tensor {tensor}").into());
        }
        let by = by.parse()?;
        Ok(Answered { begun, ended, by })
    }

    /// Kills a worker that is busy.
    fn kill(&self) -> Outcome<Killed> {
        if !self.workers.wait_until_ready(self.count, SOON) {
            return Err("the workers did not become ready".into());
        }
        let ends = AtomicBool::new(false);
        thread::scope(|scope| {
            let ask_until_told = || -> Outcome<Vec<Answered>> {
                let mut answered = Vec::new();
                while !ends.load(Ordering::Relaxed) {
                    answered.push(self.ask()?);
                }
                Ok(answered)
            };
            let callers: Vec<_> = (0..self.count)
                .map(|_| scope.spawn(ask_until_told))
                .collect();
            let killed = self.kill_under_load();
            // Also where it failed, or nobody would end.
            ends.store(true, Ordering::Relaxed);
            let (at, next_answer, ready_again) = killed?;
            let mut latest = None;
            for caller in callers {
                let answered = caller.join().map_err(|_| "a caller panicked")??;
                let is_hit = |each: &&Answered| each.begun <= at && at < each.ended;
                // Another worker's, if there is one, was answered before.
                latest = latest.max(answered.iter().find(is_hit).map(|each| each.ended - at));
            }
            let its_request: Duration = latest.ok_or("no request was under way")?;
            Ok(Killed {
                next_answer: next_answer.as_secs_f64(),
                its_request: its_request.as_secs_f64(),
                ready_again: ready_again.as_secs_f64(),
            })
        })
    }

    /// When it was, and how long the next answer took, and another worker.
    fn kill_under_load(&self) -> Outcome<(Instant, Duration, Duration)> {
        thread::sleep(Duration::from_millis(300));
        let before: HashSet<_> = self.ready_times().into_iter().map(|(pid, _)| pid).collect();
        // Who has answered is given the next request that waits.
        let victim = self.ask()?.by;
        thread::sleep(WITHIN);
        let at = Instant::now();
        let pid = Pid::from_raw(i32::try_from(victim)?).ok_or("no such process")?;
        kill_process(pid, Signal::KILL)?;
        let next_answer = self.ask()?.ended - at;
        while at.elapsed() < SOON {
            let ready = self.ready_times();
            if let Some((_, since)) = ready.iter().find(|(pid, _)| !before.contains(pid)) {
                return Ok((at, next_answer, *since - at));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err("no worker took the killed one's place".into())
    }

    fn ready_times(&self) -> ReadyTimes {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.clone()
    }
}
