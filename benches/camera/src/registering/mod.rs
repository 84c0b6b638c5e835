//! What it costs several processes to register one pool, alone and at the same time, and whether the CUDA calls of a
//! process that has nothing to do with it wait meanwhile.

mod bystander;
mod registrant;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

pub use bystander::run as run_bystander;
pub use registrant::run as run_registrant;
use serde::{Deserialize, Serialize};
use zenoh::Wait;
use zenoh_pinned::PinnedPool;

use crate::{
    Outcome,
    arm::Arm,
    clock,
    placement::Placement,
    process,
    report::median,
    session,
    workload::{Orders, SLOTS, Workload},
};

const SIZES: [usize; 2] = [64 << 20, 512 << 20];
const PROCESSES: [usize; 2] = [1, 4];
/// How long a bystander is watched while nobody registers.
const QUIET: Duration = Duration::from_millis(300);
/// Between two frames; registrants need some until all of them have one.
const PERIOD: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(20);

/// Copies of the bystander, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    pub copies: usize,
    pub p50: f64,
    pub p99: f64,
    pub maximum: f64,
}

/// One number of processes and one size; medians over the rounds, but for `maximum` and `copies`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub processes: usize,
    pub pool_bytes: usize,
    pub rounds: usize,
    /// From a process's first frame of the pool to its registration, in milliseconds: the quickest process, the slowest.
    pub quickest: f64,
    pub slowest: f64,
    /// The bystander before anybody registered, and from the first frame to the last registration.
    pub quiet: Seen,
    pub meanwhile: Seen,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Registering {
    pub rows: Vec<Row>,
}

/// Times, in nanoseconds, between which a process registered.
type Span = (u64, u64);

struct Round {
    registered: Vec<Span>,
    quiet: Seen,
    meanwhile: Seen,
}

/// Gives what there is after each row to `save`; no round is begun after the deadline.
pub fn measure(
    rounds: usize,
    deadline: Option<Instant>,
    mut save: impl FnMut(&Registering) -> Outcome,
) -> Outcome {
    let mut all = Registering::default();
    for bytes in SIZES {
        for processes in PROCESSES {
            let mut measured = Vec::new();
            for _ in 0..rounds {
                if deadline.is_none_or(|deadline| Instant::now() < deadline) {
                    measured.push(round(processes, bytes)?);
                }
            }
            if measured.is_empty() {
                eprintln!(
                    "no time is left for {processes} processes and {} MiB",
                    bytes >> 20
                );
                continue;
            }
            let row = row(processes, bytes, &measured);
            eprintln!(
                "{processes} processes, {} MiB: registered within {:.1} to {:.1} ms; a bystander's copies p99 {:.0} us, \
                 {:.0} us before",
                bytes >> 20,
                row.quickest,
                row.slowest,
                row.meanwhile.p99,
                row.quiet.p99
            );
            all.rows.push(row);
            save(&all)?;
        }
    }
    Ok(())
}

fn row(processes: usize, pool_bytes: usize, rounds: &[Round]) -> Row {
    let milliseconds = |span: &Span| span.1.saturating_sub(span.0) as f64 / 1e6;
    let of_each = |pick: fn(f64, f64) -> f64| {
        let times = |round: &Round| round.registered.iter().map(milliseconds).reduce(pick);
        median(rounds.iter().filter_map(times).collect())
    };
    let seen = |of: fn(&Round) -> Seen| {
        let all = || rounds.iter().map(of);
        Seen {
            copies: all().map(|seen| seen.copies).sum(),
            p50: median(all().map(|seen| seen.p50).collect()),
            p99: median(all().map(|seen| seen.p99).collect()),
            maximum: all().map(|seen| seen.maximum).fold(0.0, f64::max),
        }
    };
    Row {
        processes,
        pool_bytes,
        rounds: rounds.len(),
        quickest: of_each(f64::min),
        slowest: of_each(f64::max),
        quiet: seen(|round| round.quiet),
        meanwhile: seen(|round| round.meanwhile),
    }
}

/// New processes each time: a process registers a segment once.
fn round(processes: usize, pool_bytes: usize) -> Outcome<Round> {
    let folder = std::env::temp_dir().join(format!("camera-bench-{}", clock::now()));
    fs::create_dir_all(&folder)?;
    let orders = |index| Orders {
        arm: Arm::DevicePinned,
        workload: Workload {
            cameras: 1,
            consumers: processes,
            rate: None,
            seconds: 0.0,
            placement: Placement::Free,
        },
        index,
        folder: folder.clone(),
    };
    let session = session::open(&[orders(0).endpoint(0)], &[], None)?;
    let publisher = session.declare_publisher("pool").wait()?;
    let pool = PinnedPool::builder()
        .slots(SLOTS as u32)
        .slot_bytes(pool_bytes / SLOTS)
        .max_bytes(pool_bytes as u64 + (1 << 20))
        .wait(PATIENCE)
        .build()?;
    let mut others = vec![process::start("bystander", &orders(0))?];
    process::all_say("copying", &mut others, &mut [])?;
    // One after the other: zenoh processes that start at once can sweep away each other's new memory.
    for index in 0..processes {
        others.push(process::start("registrant", &orders(index))?);
        process::all_say("listening", &mut others[index + 1..], &mut [])?;
    }
    let quiet_from = clock::now();
    std::thread::sleep(QUIET);
    let quiet_until = clock::now();
    let begun = Instant::now();
    let is_registered = |index| orders(index).result("registrant", index).exists();
    while !(0..processes).all(is_registered) {
        if begun.elapsed() > PATIENCE {
            return Err("a process did not register the pool".into());
        }
        let mut slot = pool.alloc(64)?;
        slot.fill(1);
        publisher.put(slot.into_shm()).wait()?;
        std::thread::sleep(PERIOD);
    }
    for other in others {
        other.end()?;
    }
    let registered = (0..processes)
        .map(|index| registrant::read(&orders(index)))
        .collect::<Outcome<Vec<Span>>>()?;
    let from = registered
        .iter()
        .map(|span| span.0)
        .min()
        .unwrap_or_default();
    let until = registered
        .iter()
        .map(|span| span.1)
        .max()
        .unwrap_or_default();
    let copies = bystander::read(&orders(0))?;
    let round = Round {
        registered,
        quiet: bystander::seen(&copies, (quiet_from, quiet_until)),
        meanwhile: bystander::seen(&copies, (from, until)),
    };
    drop((pool, publisher));
    session.close().wait()?;
    fs::remove_dir_all(Path::new(&folder))?;
    Ok(round)
}
