//! What a pool has done, and what it has: for the application, and for whoever looks from outside.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Shared, state::State};
use crate::{
    breaker::BreakerState,
    latency::{BOUNDS, Latencies},
    state::WorkerState,
};

/// A pool at a moment. As JSON it is what `/api/workers` shows.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct WorkersStatistics {
    /// The pool's name.
    pub name: String,
    /// The supervisor's process.
    pub pid: u32,
    /// Why the pool does not do its work; `None` where it does.
    pub not_ready: Option<String>,
    /// Requests that wait to be drawn; those of one content count as one.
    pub queued: usize,
    /// Those that workers have.
    pub processing: usize,
    /// How many may be accepted and not told.
    pub capacity: usize,
    /// How long the oldest has waited, in seconds.
    pub longest_wait: f64,
    /// Requests that were accepted.
    pub accepted: u64,
    /// Those that have their answer.
    pub answered: u64,
    /// Those that were not accepted, by [`RequestError::kind`](crate::RequestError::kind).
    pub refused: BTreeMap<String, u64>,
    /// Those that were accepted and failed, by [`RequestError::kind`](crate::RequestError::kind).
    pub failed: BTreeMap<String, u64>,
    /// Batches that went to workers, and requests in them.
    pub batches: u64,
    /// Requests in them, those that were tried again counted again.
    pub batched: u64,
    /// From being accepted to the answer.
    pub request_seconds: Histogram,
    /// From being accepted to being drawn.
    pub queue_seconds: Histogram,
    /// Of a batch with its worker.
    pub batch_seconds: Histogram,
    /// 99 of 100 requests of the last minute took no longer, in seconds.
    pub p99: Option<f64>,
    /// Of the breaker: closed, open, half open.
    pub breaker: &'static str,
    /// How often it has opened.
    pub breaker_opened: u64,
    /// How many workers the load asks for, and why.
    pub wanted: usize,
    /// Why.
    pub wanted_because: String,
    /// Requests per second: of late, and as predicted for the next second.
    pub arrivals_per_second: f64,
    /// As predicted.
    pub predicted_per_second: f64,
    /// How near the host is to its limit of memory.
    pub pressure: String,
    /// Processes that were started, and workers that have ended.
    pub started: u64,
    /// Those that have ended.
    pub ended: u64,
    /// Workers that were asked to end, by reason.
    pub evicted: BTreeMap<String, u64>,
    /// Clients of other processes.
    pub clients: usize,
    /// The workers.
    pub workers: Vec<WorkerStatistics>,
}

/// A worker at a moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WorkerStatistics {
    /// Its place.
    pub seat: usize,
    /// How manieth process it is there.
    pub incarnation: u64,
    /// Its process.
    pub pid: Option<u32>,
    /// Its state, as [`WorkerState`] writes it.
    pub state: String,
    /// For how long it has been in it, in seconds.
    pub since: f64,
    /// Batches that it has.
    pub batches: usize,
    /// Requests that it has answered, and those before it in this place.
    pub answered: u64,
    /// How often a process followed another here.
    pub restarts: u64,
    /// Whether frames reach it without a copy.
    pub shares_memory: bool,
    /// Whether somebody else has started it.
    pub joined: bool,
    /// What became of the processors, NUMA node and huge pages that it was to have.
    pub placement: BTreeMap<String, String>,
    /// Why it, or the one before it, has failed.
    pub why_failed: Option<String>,
}

/// How many took up to how long.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Histogram {
    /// In seconds, rising; the last bucket has what lies above all.
    pub bounds: Vec<f64>,
    /// How many lay above the bound before and not above this one.
    pub buckets: Vec<u64>,
    /// All together, in seconds.
    pub sum: f64,
}

impl Histogram {
    fn of(latencies: &Latencies) -> Self {
        Self {
            bounds: BOUNDS.to_vec(),
            buckets: latencies.buckets().to_vec(),
            sum: latencies.sum(),
        }
    }
}

impl Shared {
    pub(super) fn statistics(&self) -> WorkersStatistics {
        let now = std::time::Instant::now();
        let mut state = self.lock();
        let not_ready = self.why_not_ready(&mut state, now);
        let depth = state.queue.depth();
        let p99 = state
            .recent
            .quantile(0.99, now)
            .map(|took| took.as_secs_f64());
        let counted = |counts: &std::collections::HashMap<&'static str, u64>| {
            let counts = counts
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count));
            counts.collect()
        };
        let counts = &state.counts;
        let seats = state.seats.iter();
        let shown = seats.filter(|seat| seat.id.incarnation > 0);
        WorkersStatistics {
            name: self.terms.name.to_string(),
            pid: std::process::id(),
            not_ready,
            queued: depth.waiting,
            processing: depth.drawn,
            capacity: self.terms.queue,
            longest_wait: state.queue.longest_wait(now).as_secs_f64(),
            accepted: counts.accepted,
            answered: counts.answered,
            refused: counted(&counts.refused),
            failed: counted(&counts.failed),
            batches: counts.batches,
            batched: counts.batched,
            request_seconds: Histogram::of(&state.took),
            queue_seconds: Histogram::of(&state.waited),
            batch_seconds: Histogram::of(&state.served),
            p99,
            breaker: state.breaker.state(now).name(),
            breaker_opened: state.breaker.opened(),
            wanted: state.wanted.0,
            wanted_because: state.wanted.1.to_string(),
            arrivals_per_second: state.arrivals.rate(),
            predicted_per_second: state.predicted,
            pressure: state.pressure.to_string(),
            started: counts.started,
            ended: counts.ended,
            evicted: counts
                .evicted
                .iter()
                .map(|(reason, count)| (reason.to_string(), *count))
                .collect(),
            clients: state.clients.len(),
            workers: shown
                .map(|seat| WorkerStatistics {
                    seat: seat.id.seat,
                    incarnation: seat.id.incarnation,
                    pid: seat.pid,
                    state: seat.state.to_string(),
                    since: now.saturating_duration_since(seat.since).as_secs_f64(),
                    batches: seat.batches.len(),
                    answered: seat.answered,
                    restarts: seat.restarts,
                    shares_memory: seat.shares_memory,
                    joined: seat.joined_as.is_some(),
                    placement: seat.placement.iter().cloned().collect(),
                    why_failed: seat.why_failed.clone(),
                })
                .collect(),
        }
    }

    /// Ready is who can answer a request that comes now: a worker is there, or may be started for it.
    fn why_not_ready(&self, state: &mut State, now: std::time::Instant) -> Option<String> {
        if state.is_closing {
            return Some(String::from("the workers are being closed"));
        }
        if let Some(why) = &state.why_no_worker {
            return Some(format!("no worker can be started: {why}"));
        }
        if state.breaker.state(now) == BreakerState::Open {
            return Some(String::from(
                "requests have failed one after the other, so the breaker is open: see the workers' logs",
            ));
        }
        let serves = state.seats.iter().any(|seat| seat.state.takes_batches());
        if !serves && self.terms.scaling.least > 0 {
            let loading = state
                .seats
                .iter()
                .any(|seat| matches!(seat.state, WorkerState::Spawning | WorkerState::Loading));
            return Some(String::from(match loading {
                true => "the first worker is loading",
                false => "there is no worker: see why the last one has ended",
            }));
        }
        let p99 = state.recent.quantile(0.99, now);
        if let (Some(p99), Some(most)) = (p99, self.terms.p99_within)
            && p99 > most
        {
            return Some(format!(
                "one request in a hundred took {p99:?} of late, longer than {most:?}: let there be more workers"
            ));
        }
        None
    }
}
