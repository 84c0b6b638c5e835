//! Pools of workers, as their supervisors show them, and what stands in the way of each. Pure.

use zenoh_pinned::bindings::observation::Identified;
use zenoh_pinned_observe::{ObservedPool, SaidOfWorker, SaidOfWorkers};

use super::section::{Section, left, named, right};
use crate::{
    top::{
        seen::Seen,
        table::{Column, Row, Table},
    },
    words,
};

pub(super) fn workers(seen: &Seen) -> Section {
    const COLUMNS: &[Column] = &[
        left("WORKERS", 13),
        left("SUPERVISOR", 16),
        left("STATES", 6),
        right("QUEUE", 9),
        right("ANSWERED", 8),
        right("FAILED", 6),
        right("P99", 7),
        right("RESTARTS", 8),
    ];
    let (pools, why) = match &seen.workers {
        Ok(workers) => (&workers.pools[..], None),
        Err(why) => (&[][..], Some(Row::Detail(words::tame(why)))),
    };
    let rows = pools.iter().flat_map(|pool| rows_of(pool, seen));
    Section {
        title: "Workers",
        count: pools.len(),
        table: Table {
            columns: COLUMNS,
            wide: 2,
            rows: why.into_iter().chain(rows).collect(),
        },
    }
}

fn rows_of(pool: &ObservedPool, seen: &Seen) -> Vec<Row> {
    let said = &pool.said;
    let cells = vec![
        words::tame(&said.name),
        named(&supervisor_of(pool, seen)),
        said.workers.iter().map(letter).collect(),
        format!("{}/{}", said.taken(), said.capacity),
        said.answered.to_string(),
        failed(said).to_string(),
        said.p99.map_or_else(|| String::from("-"), seconds),
        said.restarts().to_string(),
    ];
    let mut rows = vec![Row::Cells(cells)];
    if pool.is_silent() {
        let silent = pool.silent.as_secs();
        rows.push(Row::Detail(format!(
            "its supervisor has said nothing for {silent} s"
        )));
    }
    if let Some(why) = &said.not_ready {
        rows.push(Row::Detail(format!("not ready: {}", words::tame(why))));
    }
    if said.breaker != "closed" {
        let opened = words::count(said.breaker_opened as usize, "time", "times");
        rows.push(Row::Detail(format!(
            "its breaker is {}, opened {opened}",
            said.breaker
        )));
    }
    if said.wanted != serving(said) {
        let why = words::tame(&said.wanted_because);
        rows.push(Row::Detail(format!(
            "{} wanted: {why}, pressure {}",
            said.wanted, said.pressure
        )));
    }
    rows.extend(said.workers.iter().filter_map(|worker| {
        let why = words::tame(worker.why_failed.as_ref()?);
        Some(Row::Detail(format!(
            "worker {} {}: {why}",
            worker.seat, worker.state
        )))
    }));
    rows
}

/// Who supervises it, by the name that the kernel has for it.
fn supervisor_of(pool: &ObservedPool, seen: &Seen) -> Identified {
    let peer = pool.supervisor;
    let mut processes = seen
        .observation
        .processes
        .iter()
        .map(|shown| &shown.process);
    let found =
        processes.find(|process| (process.pid, process.started) == (peer.pid, peer.started));
    found.cloned().unwrap_or_else(|| {
        let mut unnamed = Identified::default();
        (unnamed.pid, unnamed.started, unnamed.lives) = (peer.pid, peer.started, true);
        unnamed
    })
}

/// One for each worker: `.` has nothing to do, `#` is at a batch, `+` comes, `-` goes, `x` has ended.
fn letter(worker: &SaidOfWorker) -> char {
    match &*worker.state {
        "ready" | "idle" => '.',
        "processing" => '#',
        "spawning" | "loading" => '+',
        "evicting" => '-',
        _ => 'x',
    }
}

fn serving(said: &SaidOfWorkers) -> u64 {
    let serving = said
        .workers
        .iter()
        .filter(|worker| matches!(letter(worker), '.' | '#' | '+'));
    serving.count() as u64
}

/// Those that were accepted, and those that were refused.
fn failed(said: &SaidOfWorkers) -> u64 {
    let counts = said.failed.values().chain(said.refused.values());
    counts.fold(0, |sum, count| sum.saturating_add(*count))
}

fn seconds(seconds: f64) -> String {
    match seconds {
        0.0..0.001 => format!("{:.0} us", seconds * 1e6),
        0.001..1.0 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}
