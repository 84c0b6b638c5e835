//! What a supervisor says of its workers, read and held against what can be.
//!
//! Whoever is this user can write the file, so nothing of it is believed before `read` has looked at it: names and texts
//! have their lengths, words are known ones, numbers are no less than nothing. Pure. The fields are those of
//! `WorkersStatistics`; one that is new is passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::families::cut;

/// The upper bounds of every histogram, in seconds: families of metrics have one set of bounds for all processes.
pub(super) const BOUNDS: [f64; 17] = [
    50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
];
/// Of a worker, in the order of its life.
pub(super) const STATES: [&str; 8] = [
    "spawning",
    "loading",
    "ready",
    "processing",
    "idle",
    "evicting",
    "dead",
    "failed",
];
pub(super) const BREAKER: [&str; 3] = ["closed", "half open", "open"];
const PRESSURES: [&str; 4] = ["low", "normal", "high", "critical"];

/// The most bytes of a name, of a reason's word, and of a sentence.
const NAME: usize = 64;
const WORD: usize = 32;
const SENTENCE: usize = 256;
/// The most workers, kinds of reasons, and facts of a worker's placement.
const WORKERS: usize = 256;
const KINDS: usize = 24;
const FACTS: usize = 8;

/// A pool of workers, as its supervisor says it is. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "they are those of WorkersStatistics")]
pub struct SaidOfWorkers {
    pub name: String,
    pub pid: u32,
    pub not_ready: Option<String>,
    pub queued: u64,
    pub processing: u64,
    pub capacity: u64,
    pub longest_wait: f64,
    pub accepted: u64,
    pub answered: u64,
    pub refused: BTreeMap<String, u64>,
    pub failed: BTreeMap<String, u64>,
    pub batches: u64,
    pub batched: u64,
    pub request_seconds: SaidTimes,
    pub queue_seconds: SaidTimes,
    pub batch_seconds: SaidTimes,
    pub p99: Option<f64>,
    pub breaker: String,
    pub breaker_opened: u64,
    pub wanted: u64,
    pub wanted_because: String,
    pub arrivals_per_second: f64,
    pub predicted_per_second: f64,
    pub pressure: String,
    pub started: u64,
    pub ended: u64,
    pub evicted: BTreeMap<String, u64>,
    pub clients: u64,
    pub workers: Vec<SaidOfWorker>,
}

/// A worker, as its supervisor says it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "they are those of WorkerStatistics")]
pub struct SaidOfWorker {
    pub seat: u64,
    pub incarnation: u64,
    pub pid: Option<u32>,
    pub state: String,
    pub since: f64,
    pub batches: u64,
    pub answered: u64,
    pub restarts: u64,
    pub shares_memory: bool,
    pub joined: bool,
    pub placement: BTreeMap<String, String>,
    pub why_failed: Option<String>,
}

/// How many took up to how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are those of Histogram")]
pub struct SaidTimes {
    pub bounds: Vec<f64>,
    pub buckets: Vec<u64>,
    pub sum: f64,
}

impl Default for SaidTimes {
    fn default() -> Self {
        Self {
            bounds: BOUNDS.to_vec(),
            buckets: vec![0; BOUNDS.len() + 1],
            sum: 0.0,
        }
    }
}

impl SaidOfWorkers {
    /// Requests that were accepted and are not told.
    pub fn taken(&self) -> u64 {
        self.queued.saturating_add(self.processing)
    }

    /// How often a process followed another in the place of a worker.
    pub fn restarts(&self) -> u64 {
        let restarts = self.workers.iter().map(|worker| worker.restarts);
        restarts.fold(0, u64::saturating_add)
    }
}

/// What the file of this process and pool says.
///
/// # Errors
/// What does not fit.
pub(super) fn read(text: &[u8], pid: u32, pool: &str) -> Result<SaidOfWorkers, &'static str> {
    let mut said: SaidOfWorkers = serde_json::from_slice(text)
        .map_err(|_| "it is not what a supervisor of this version writes")?;
    if said.pid != pid || said.name != pool {
        return Err("it tells of another process or pool than its name says");
    }
    if !may_be_a_name(&said.name) {
        return Err("its pool has a name that no pool can have");
    }
    check(&said)?;
    for worker in &mut said.workers {
        worker.why_failed = worker.why_failed.as_deref().map(sentence);
        let facts = std::mem::take(&mut worker.placement)
            .into_iter()
            .take(FACTS);
        let facts =
            facts.map(|(what, is)| (cut(&what, WORD).to_owned(), cut(&is, NAME).to_owned()));
        worker.placement = facts.collect();
    }
    said.not_ready = said.not_ready.as_deref().map(sentence);
    said.wanted_because = cut(&said.wanted_because, WORD).to_owned();
    Ok(said)
}

fn check(said: &SaidOfWorkers) -> Result<(), &'static str> {
    let is_time = |value: &f64| value.is_finite() && *value >= 0.0;
    let of_pool = [
        said.longest_wait,
        said.arrivals_per_second,
        said.predicted_per_second,
    ];
    let of_workers = said.workers.iter().map(|worker| worker.since);
    let times = [
        &said.request_seconds,
        &said.queue_seconds,
        &said.batch_seconds,
    ];
    let sums = times.iter().map(|times| times.sum);
    let mut numbers = of_pool
        .into_iter()
        .chain(said.p99)
        .chain(of_workers)
        .chain(sums);
    if !numbers.all(|number| is_time(&number)) {
        return Err("it has a time or a rate below nothing");
    }
    let fits =
        |times: &&SaidTimes| times.bounds == BOUNDS && times.buckets.len() == BOUNDS.len() + 1;
    if !times.iter().all(fits) {
        return Err("its histograms have other bounds than this version's");
    }
    let is_known = said
        .workers
        .iter()
        .all(|worker| STATES.contains(&&*worker.state))
        && BREAKER.contains(&&*said.breaker)
        && PRESSURES.contains(&&*said.pressure);
    if !is_known {
        return Err("it has a state that this version does not know");
    }
    let mut kinds = [&said.refused, &said.failed, &said.evicted].into_iter();
    let is_word = |kind: &String| {
        let is_fine = |byte| matches!(byte, b'a'..=b'z' | b'_' | b' ');
        (1..=WORD).contains(&kind.len()) && kind.bytes().all(is_fine)
    };
    if !kinds.all(|counts| counts.len() <= KINDS && counts.keys().all(is_word)) {
        return Err("it counts reasons that no version has");
    }
    match said.workers.len() <= WORKERS {
        true => Ok(()),
        false => Err("it has more workers than a pool can have"),
    }
}

fn may_be_a_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME).contains(&name.len()) && name.bytes().all(is_fine)
}

/// The first of a text, in one line.
fn sentence(text: &str) -> String {
    let tamed = |letter: char| if letter.is_control() { ' ' } else { letter };
    cut(text, SENTENCE).chars().map(tamed).collect()
}
