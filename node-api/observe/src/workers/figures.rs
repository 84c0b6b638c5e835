//! What is shown of workers: a state for each pool, families of metrics, and why one does not do its work.
//!
//! Pure. Labels: `pool`, and `process` and `pid` of the supervisor; a pool's series end with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zenoh_pinned::bindings::line::Peer;

use super::{
    reading::{ObservedPool, ObservedWorkers},
    said::{BOUNDS, BREAKER, STATES, SaidTimes},
};
use crate::{Families, Figures};

/// Workers of one pool in the JSON, and bytes of all pools. All of them are counted.
const LISTED_WORKERS: usize = 64;
const LISTED_BYTES: usize = 768 << 10;
/// Pools that are named where they do not do their work.
const NAMED: usize = 8;

/// What the process is called, as far as that is known.
type Names<'a> = &'a dyn Fn(Peer) -> String;

/// At most `most` pools in the state; all of them in the metrics.
pub(crate) fn figures(seen: &ObservedWorkers, most: usize, names: Names<'_>) -> Figures {
    let mut families = Families::default();
    for pool in &seen.pools {
        add_to(&mut families, pool, &names(pool.supervisor));
    }
    let figures = Figures::new(listed(seen, most, names).into()).with(families);
    let not_ready: Vec<_> = seen.pools.iter().filter_map(why_not_ready).collect();
    match not_ready.len() {
        0 => figures,
        all => {
            let more = all.saturating_sub(NAMED);
            let mut why = not_ready[..all - more].join("; ");
            if more > 0 {
                why.push_str(&format!("; and {more} more"));
            }
            figures.not_ready(why)
        }
    }
}

/// How many pools the state has not.
pub(crate) fn left_out(seen: &ObservedWorkers, most: usize, names: Names<'_>) -> usize {
    seen.left_out + seen.pools.len() - listed(seen, most, names).len()
}

fn listed(seen: &ObservedWorkers, most: usize, names: Names<'_>) -> Vec<Value> {
    let mut left = LISTED_BYTES;
    let states = seen
        .pools
        .iter()
        .map(|pool| state(pool, &names(pool.supervisor)));
    let fitting = states.filter(|state| {
        let rest = left.checked_sub(state.to_string().len());
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    fitting.take(most).collect()
}

/// All that is said, and by whom.
fn state(pool: &ObservedPool, name: &str) -> Value {
    let Peer { pid, started } = pool.supervisor;
    let mut said = pool.said.clone();
    let workers = said.workers.len();
    said.workers.truncate(LISTED_WORKERS);
    // Fails for no value of its type.
    let mut state = serde_json::to_value(&said).unwrap_or_default();
    state["supervisor"] = json!({ "pid": pid, "started": started, "name": name, "lives": true });
    state["silent_seconds"] = json!(pool.silent.as_secs_f64());
    state["not_ready"] = json!(why_not(pool));
    state["workers_left_out"] = json!(workers - said.workers.len());
    state
}

fn why_not_ready(pool: &ObservedPool) -> Option<String> {
    Some(format!("{}: {}", pool.said.name, why_not(pool)?))
}

/// Its own words, unless it has none any more.
fn why_not(pool: &ObservedPool) -> Option<String> {
    let silent = pool.silent.as_secs_f64();
    match pool.is_silent() {
        true => Some(format!(
            "its supervisor has said nothing for {silent:.0} s: it stands still, or was stopped (SIGCONT lets it go on)"
        )),
        false => pool.said.not_ready.clone(),
    }
}

fn add_to(families: &mut Families, pool: &ObservedPool, process: &str) {
    let said = &pool.said;
    let pid = pool.supervisor.pid.to_string();
    let of_pool = [("pool", &*said.name), ("process", process), ("pid", &*pid)];
    gauges(families, pool, of_pool);
    for (name, help, value) in [
        (
            "zenoh_pinned_worker_accepted_requests_total",
            "Requests that were accepted.",
            said.accepted,
        ),
        (
            "zenoh_pinned_worker_batches_total",
            "Batches that workers were given.",
            said.batches,
        ),
        (
            "zenoh_pinned_worker_batched_requests_total",
            "Requests in batches; one that is tried again counts again.",
            said.batched,
        ),
        (
            "zenoh_pinned_worker_starts_total",
            "Processes of workers that were started.",
            said.started,
        ),
        (
            "zenoh_pinned_worker_ends_total",
            "Workers that have ended, however.",
            said.ended,
        ),
        (
            "zenoh_pinned_worker_restarts_total",
            "Processes that followed one that had ended unasked.",
            said.restarts(),
        ),
        (
            "zenoh_pinned_worker_breaker_opened_total",
            "How often the breaker has opened.",
            said.breaker_opened,
        ),
    ] {
        families.counter(name, help).add(&of_pool, value as f64);
    }
    let requests = "Requests that were accepted and told, by outcome: answered, or why not.";
    let mut outcomes = said.failed.clone();
    outcomes.insert("answered".into(), said.answered);
    by_word(
        families,
        ("zenoh_pinned_worker_requests_total", requests),
        of_pool,
        "outcome",
        &outcomes,
    );
    let refused = "Requests that were not accepted, by reason.";
    by_word(
        families,
        ("zenoh_pinned_worker_refused_requests_total", refused),
        of_pool,
        "reason",
        &said.refused,
    );
    let evicted = "Workers that were asked to end, by reason.";
    by_word(
        families,
        ("zenoh_pinned_worker_evictions_total", evicted),
        of_pool,
        "reason",
        &said.evicted,
    );
    let mut times = |name, help, times: &SaidTimes| {
        let histogram = families.histogram(name, help, &BOUNDS);
        histogram.add(&of_pool, &times.buckets, times.sum);
    };
    times(
        "zenoh_pinned_worker_request_seconds",
        "From a request's being accepted to its answer.",
        &said.request_seconds,
    );
    times(
        "zenoh_pinned_worker_queue_seconds",
        "From a request's being accepted to its being given to a worker.",
        &said.queue_seconds,
    );
    times(
        "zenoh_pinned_worker_batch_seconds",
        "From a batch's being given to a worker to its answers.",
        &said.batch_seconds,
    );
}

type Labels<'a> = [(&'static str, &'a str); 3];

fn with<'a>(
    [pool, process, pid]: Labels<'a>,
    label: &'static str,
    value: &'a str,
) -> [(&'static str, &'a str); 4] {
    [pool, process, pid, (label, value)]
}

fn by_word(
    families: &mut Families,
    (name, help): (&'static str, &'static str),
    of_pool: Labels<'_>,
    label: &'static str,
    counts: &BTreeMap<String, u64>,
) {
    let counter = families.counter(name, help);
    for (word, count) in counts {
        counter.add(&with(of_pool, label, word), *count as f64);
    }
}

fn gauges(families: &mut Families, pool: &ObservedPool, of_pool: Labels<'_>) {
    let said = &pool.said;
    for (name, help, value) in [
        (
            "zenoh_pinned_worker_queue_capacity_requests",
            "Requests that may be accepted and not told.",
            said.capacity as f64,
        ),
        (
            "zenoh_pinned_worker_longest_wait_seconds",
            "How long the oldest request that no worker has yet has waited.",
            said.longest_wait,
        ),
        (
            "zenoh_pinned_workers_wanted",
            "Workers that the load asks for.",
            said.wanted as f64,
        ),
        (
            "zenoh_pinned_worker_arriving_requests_per_second",
            "Requests per second of late.",
            said.arrivals_per_second,
        ),
        (
            "zenoh_pinned_worker_predicted_requests_per_second",
            "Requests per second that are expected when a worker that is started now is ready.",
            said.predicted_per_second,
        ),
        (
            "zenoh_pinned_worker_clients",
            "Clients in other processes.",
            said.clients as f64,
        ),
        (
            "zenoh_pinned_worker_supervisor_silent_seconds",
            "How long ago the supervisor has said all of this; it does so each second.",
            pool.silent.as_secs_f64(),
        ),
    ] {
        families.gauge(name, help).add(&of_pool, value);
    }
    if let Some(p99) = said.p99 {
        let help = "99 of 100 requests of the last minute took no longer.";
        families
            .gauge("zenoh_pinned_worker_p99_seconds", help)
            .add(&of_pool, p99);
    }
    let queue = "Requests that were accepted and are not told: waiting for a worker, or processing with one.";
    let queue = families.gauge("zenoh_pinned_worker_queue_requests", queue);
    queue.add(&with(of_pool, "state", "waiting"), said.queued as f64);
    queue.add(
        &with(of_pool, "state", "processing"),
        said.processing as f64,
    );
    for state in STATES {
        let there = said.workers.iter().filter(|worker| worker.state == state);
        let workers = families.gauge("zenoh_pinned_workers", "Workers, by state.");
        workers.add(&with(of_pool, "state", state), there.count() as f64);
    }
    for state in BREAKER {
        let here = f64::from(u8::from(said.breaker == state));
        let help =
            "The breaker that refuses requests when they fail: 1 at its state, 0 at the others.";
        let breaker = families.gauge("zenoh_pinned_worker_breaker", help);
        breaker.add(&with(of_pool, "state", state), here);
    }
}
