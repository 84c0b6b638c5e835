//! `matrices-bench RECORD PROGRAM PYTHON`: the pipeline of `examples/matrices` beside the design that it is meant for, in Python
//! (`peers/`), and beside zstd alone.
//!
//! | arm | what is timed |
//! |---|---|
//! | pipeline | the program as it comes: 2 producers, 2 compressors, 2 writers, which are ready before its clock starts, to the last matrix stored |
//! | plain pipeline | the same without shuffling: a zstd frame each, as the others make it |
//! | shared memory | the peer, with as many processes, the same |
//! | bare zstd | two threads, each with a context that it keeps and a buffer that it writes again: nothing is read or stored |
//!
//! All of them have the same matrices of float64, large ones and small ones, in a `.npy` file in memory, at zstd's level 3, and
//! store into memory, so that no disk is measured. The arms take turns; a figure is the median of the rounds, a ratio that of each round.
//!
//! Prints a table, and writes the record as JSON; its last key is `aims`.

mod aims;
mod arms;
mod input;

use std::{path::Path, process::ExitCode};

use matrices::input::Kind;
use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::machine;

use crate::arms::{ARMS, Arm, Bench};

/// What may go wrong in any part of it: it ends with the message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Rows and columns, and how many of these there are in a round. The aims are of the first ones.
const FORMS: [(u64, u64); 2] = [(1000, 200), (100, 4000)];
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match &arguments[..] {
        [record, program, python] => measure(record.as_ref(), program.as_ref(), python.as_ref()),
        _ => Err("usage: matrices-bench RECORD PROGRAM PYTHON".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(record: &Path, program: &Path, python: &Path) -> Outcome {
    let folder = tempfile::Builder::new()
        .prefix("matrices-bench-")
        .tempdir_in("/dev/shm")?;
    let mut forms = Map::new();
    for (rows, count) in FORMS {
        let form = input::form(rows)?;
        let mut kinds = Map::new();
        for kind in Kind::ALL {
            let input = folder.path().join("input.npy");
            input::write(&input, kind, form, count)?;
            let bench = Bench {
                program,
                python,
                input: &input,
                form,
                folder: folder.path(),
                count,
            };
            kinds.insert(kind.to_string(), of_kind(&bench, kind)?);
            std::fs::remove_file(&input)?;
        }
        forms.insert(form.to_string(), Value::Object(kinds));
    }
    let large = input::form(FORMS[0].0)?.to_string();
    let aims = aims::of(&forms[&large]);
    for aim in &aims {
        println!("{aim}");
    }
    let whole = json!({
        "machine": machine::system(),
        "build": machine::build(),
        "processors": std::thread::available_parallelism()?.get(),
        "rounds": ROUNDS,
        "forms": forms,
        // Last, by the order in which it is inserted.
        "aims": aims.iter().map(Value::from).collect::<Vec<_>>(),
    });
    Ok(zenoh_pinned_measuring::record::write(record, &whole)?)
}

/// All arms over the matrices of one kind, in turn.
fn of_kind(bench: &Bench<'_>, kind: Kind) -> Outcome<Value> {
    let mut seconds = ARMS.map(|_| Vec::new());
    let mut latest = ARMS.map(|_| Value::Null);
    for round in 0..ROUNDS {
        eprintln!("{} {kind}, round {} of {ROUNDS}", bench.form, round + 1);
        for at in 0..ARMS.len() {
            // Another one begins each time.
            let at = (at + round) % ARMS.len();
            let ran = bench.run(ARMS[at], round + 1 == ROUNDS)?;
            let took = ran["seconds"].as_f64();
            seconds[at].push(took.ok_or("an arm does not say how long it took")?);
            latest[at] = ran;
        }
    }
    let of = |arm: Arm| ARMS.iter().position(|known| *known == arm).unwrap_or(0);
    let against = |ours: Arm, other: Arm| {
        let both = seconds[of(other)].iter().zip(&seconds[of(ours)]);
        let ratios = both.map(|(other, ours)| other / ours);
        median(ratios.collect())
    };
    let mut shown = Map::new();
    for (at, arm) in ARMS.into_iter().enumerate() {
        let median = median(seconds[at].clone());
        println!(
            "{kind:8}{:16}{:8.1} matrices/s   {:6.3} s   {}",
            arm.name(),
            bench.count as f64 / median,
            median,
            latest[at]
        );
        shown.insert(
            arm.name().to_owned(),
            json!({
                "matrices_per_second": bench.count as f64 / median,
                "seconds": seconds[at],
                "latest": latest[at],
            }),
        );
    }
    for (ours, more) in [(Arm::Pipeline, ""), (Arm::Plain, "plain_")] {
        let (bare, peer) = (
            against(ours, Arm::BareZstd),
            against(ours, Arm::SharedMemory),
        );
        let name = ours.name();
        println!("{kind:8}{name}: {bare:.3} of bare zstd, {peer:.3} of shared memory");
        shown.insert(format!("{more}of_bare_zstd"), bare.into());
        shown.insert(format!("{more}of_shared_memory"), peer.into());
    }
    Ok(Value::Object(shown))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.get(values.len() / 2) {
        Some(upper) if values.len() % 2 == 1 => *upper,
        Some(upper) => (upper + values[values.len() / 2 - 1]) / 2.0,
        None => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
