//! `exchange-bench RECORD PYTHON`: what one write and one read cost from C, Rust and Python, and how long an observation
//! takes to an agent of another process and its answer back; beside iceoryx2's blackboard and a mutex in shared memory.
//!
//! The arms take turns, so that what the machine does meanwhile falls on all of them. Prints a table, and writes the
//! record as JSON; its last key is `aims`.

mod aims;
mod arms;
mod end_to_end;
mod from_c;
mod from_python;
mod operations;
mod samples;

use std::{path::Path, process::ExitCode};

use samples::Summary;
use serde_json::{Map, Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [end_to_end::AGENT, arm, name, pause] => end_to_end::agent(arm, name, pause),
        [record, python] => measure(Path::new(record), python),
        _ => Err("usage: exchange-bench RECORD PYTHON".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(record: &Path, python: &str) -> Outcome<()> {
    let mut results = Map::new();
    let mut add = |summaries: Vec<(String, Summary)>| {
        for (name, summary) in summaries {
            println!(
                "{name:44} {:9.3} {:9.3}  {:>9}",
                summary.p50, summary.p99, summary.samples
            );
            results.insert(name, summary.into());
        }
    };
    println!(
        "{:44} {:>9} {:>9}  {:>9}",
        "", "p50 us", "p99 us", "samples"
    );
    add(from_c::measure()?);
    add(operations::measure()?);
    add(from_python::measure(python)?);
    add(end_to_end::measure()?);
    let aims = aims::of(&results);
    for aim in &aims {
        println!("{aim}");
    }
    let bytes = size_of::<zenoh_pinned_exchange::Observation>();
    let whole = json!({
        "unit": "us",
        "record_bytes": bytes,
        "processors": std::thread::available_parallelism()?.get(),
        "arms": results,
        // Last, by the order in which it is inserted.
        "aims": aims.iter().map(Value::from).collect::<Vec<_>>(),
    });
    Ok(zenoh_pinned_measuring::record::write(record, &whole)?)
}
