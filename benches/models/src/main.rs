//! `models-bench RECORD PYTHON [trial]`: weights of a registry beside files that every process loads for itself.
//!
//! | figure | what is done |
//! |---|---|
//! | access | `Registry::load` where the process has a lease already, beside a look into a table behind a mutex |
//! | overhead | the bytes of the shared memory beyond those of the tensors |
//! | attach | `Models::attach` of another process, whose lease begins anew; with and without comparing the bytes |
//! | hand-over | the same without comparing: 1 GiB, in one shard and in several, beside 1 MiB |
//! | memory | PSS of four processes in Python that read 256 MiB of weights each: attached, and by `load_file` |
//! | kill | from SIGKILL of a busy worker in Python to the next answer, beside a cold start of everything |
//! | camera-models | the example of that name |
//!
//! What is compared takes turns in one run; a figure is the median of its turns, a ratio that of the ratios of each turn.
//! Files lie beside the record. `trial` does all of it once and with small files, to see that it works; its figures mean
//! nothing.
//!
//! Prints tables, and writes the record as JSON; its last key is `aims`.

mod aims;
mod attacher;
mod figures;
mod mapped;
mod model_file;
mod plan;
mod server;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::machine;

use crate::plan::Plan;

/// What may go wrong in any part of it: it ends with the message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What all figures have in common.
struct Bench {
    plan: Plan,
    python: PathBuf,
    /// For files; goes with the run.
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["attacher"] => attacher::attach_as_told(),
        ["server", name] => server::serve(name),
        [record, python] => measure(record.as_ref(), python.as_ref(), Plan::full()),
        [record, python, "trial"] => measure(record.as_ref(), python.as_ref(), Plan::trial()),
        _ => Err("usage: models-bench RECORD PYTHON [trial]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(record: &Path, python: &Path, plan: Plan) -> Outcome {
    let record = std::path::absolute(record)?;
    let beside = record.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(beside)?;
    let folder = tempfile::Builder::new()
        .prefix("models-bench-")
        .tempdir_in(beside)?;
    let bench = Bench {
        plan,
        python: python.to_owned(),
        folder: folder.path().to_owned(),
    };
    let begun = Instant::now();
    let mut measured = Map::new();
    for (name, figure) in figures::ALL {
        eprintln!(
            "{name}, {:.0} s after the beginning",
            begun.elapsed().as_secs_f64()
        );
        measured.insert(name.to_owned(), figure(&bench)?);
    }
    let mut whole = json!({
        "machine": machine::system(),
        "build": machine::build(),
        "processors": std::thread::available_parallelism()?.get(),
        "plan": bench.plan.to_string(),
    });
    let aims = aims::of(&Value::Object(measured.clone()));
    for aim in &aims {
        println!("{aim}");
    }
    let last = json!({ "aims": aims.iter().map(Value::from).collect::<Vec<_>>() });
    for (key, value) in measured
        .into_iter()
        .chain(last.as_object().cloned().unwrap_or_default())
    {
        whole[key] = value;
    }
    Ok(zenoh_pinned_measuring::record::write(&record, &whole)?)
}

/// The value in the middle; NaN where there is none.
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
