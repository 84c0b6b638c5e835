//! Memory (PSS) of four processes in Python that have and read the same weights: attached, and loaded by each for itself.
//!
//! The base is what such a process has before it has weights. With `attach` the server counts too, with what it has grown by
//! meanwhile: it shares the memory, so the four alone would look smaller than they are.

use std::process::Command;

use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::{
    memory::pss_of,
    process::{PATIENCE, Process},
};

use super::Served;
use crate::{Bench, Outcome, median, model_file::ModelFile};

const PROCESSES: usize = 4;
const ARMS: [&str; 3] = ["attach", "numpy", "torch"];

/// Of all four together, in bytes.
struct Taken {
    base: f64,
    sum: f64,
    /// What the server has grown by.
    server: f64,
}

enum Read {
    Taken(Taken),
    /// Why there is none.
    Skipped(String),
}

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let file = ModelFile::even(&bench.folder.join("memory.safetensors"), bench.plan.large)?;
    let mut taken = ARMS.map(|_| Vec::new());
    let mut skipped = ARMS.map(|_| None);
    for round in 0..bench.plan.rounds {
        for at in 0..ARMS.len() {
            let at = (at + round) % ARMS.len();
            if skipped[at].is_some() {
                continue;
            }
            match read_by_four(bench, ARMS[at], &file)? {
                Read::Taken(these) => taken[at].push(these),
                Read::Skipped(why) => skipped[at] = Some(why),
            }
        }
    }
    std::fs::remove_file(&file.path)?;
    let mut shown = Map::new();
    for ((arm, taken), skipped) in ARMS.into_iter().zip(taken).zip(skipped) {
        let figures = match skipped {
            Some(why) => json!({ "skipped": why }),
            None => summary(&taken, file.bytes),
        };
        println!("{arm:12}{figures}");
        shown.insert(arm.to_owned(), figures);
    }
    Ok(Value::Object(shown))
}

fn summary(taken: &[Taken], weights: u64) -> Value {
    let middle = |of: fn(&Taken) -> f64| median(taken.iter().map(of).collect());
    let added = |round: &Taken| round.sum + round.server - round.base;
    let ratios = taken.iter().map(|round| added(round) / weights as f64);
    json!({
        "weights_bytes": weights,
        "sum_bytes": middle(|round| round.sum),
        "server_bytes": middle(|round| round.server),
        "base_sum_bytes": middle(|round| round.base),
        "of_weights": median(ratios.collect()),
    })
}

fn read_by_four(bench: &Bench, arm: &str, file: &ModelFile) -> Outcome<Read> {
    let served = Served::new("memory", 256 << 20)?;
    let mut readers = Vec::new();
    for _ in 0..PROCESSES {
        let mut program = Command::new(&bench.python);
        program
            .arg(super::peer("reader.py"))
            .arg(arm)
            .arg(&file.path);
        readers.push(Process::start(arm, program.arg(&served.name))?);
    }
    let mut pids = Vec::new();
    for reader in &mut readers {
        let line = said(reader)?;
        match line.split_once(' ') {
            Some(("base", pid)) => pids.push(pid.parse()?),
            Some(("skipped", why)) => return Ok(Read::Skipped(why.to_owned())),
            _ => return Err(format!("{arm} says {line:?}").into()),
        }
    }
    let own = std::process::id();
    let (base, server) = (sum_of(&pids)?, pss_of(own)? as f64);
    let greatest = file.greatest.iter().copied().fold(0.0, f32::max);
    for reader in &mut readers {
        reader.tell("read")?;
        let line = said(reader)?;
        let read: Option<f32> = line
            .strip_prefix("read ")
            .and_then(|value| value.parse().ok());
        if read != Some(greatest) {
            return Err(format!("{arm} has read {line:?}, not {greatest}").into());
        }
    }
    let (sum, grown) = (sum_of(&pids)?, pss_of(own)? as f64 - server);
    for reader in readers {
        reader.end()?;
    }
    // Without a lease of anybody it loads nothing, and what this process does meanwhile is not the server's.
    let server = if served.registry.statistics().loads > 0 {
        grown
    } else {
        0.0
    };
    Ok(Read::Taken(Taken { base, sum, server }))
}

fn said(reader: &mut Process) -> Outcome<String> {
    let line = reader.hear(PATIENCE)?;
    line.ok_or_else(|| format!("{} says nothing", reader.name()).into())
}

fn sum_of(pids: &[u32]) -> Outcome<f64> {
    let each: Result<Vec<_>, _> = pids.iter().map(|pid| pss_of(*pid)).collect();
    Ok(each?.into_iter().sum::<u64>() as f64)
}
