//! Another process that attaches weights, and tells how long each time took. It is told what on its standard input:
//!
//! | line | what is timed |
//! |---|---|
//! | `anew SERVER MODEL COMPARES TIMES` | `Models::attach`, where the lease before has ended |
//! | `held SERVER MODEL TIMES` | the same, where the process has a lease |
//! | `compare SERVER MODEL TIMES` | the comparison alone, of bytes that are mapped and read before |
//!
//! It answers each with the times in microseconds, in one line.

use std::{
    collections::HashMap,
    io::Write,
    time::{Duration, Instant},
};

use zenoh_pinned_measuring::{
    process::{PATIENCE, Process},
    sample::Sample,
};
use zenoh_pinned_models::{Models, Weights};

use crate::Outcome;

/// As whoever measures sees it.
pub struct Attacher(Process);

impl Attacher {
    pub fn start() -> Outcome<Self> {
        let mut program = std::process::Command::new(std::env::current_exe()?);
        Ok(Self(Process::start(
            "the attacher",
            program.arg("attacher"),
        )?))
    }

    pub fn anew(
        &mut self,
        server: &str,
        model: &str,
        compares: bool,
        times: usize,
    ) -> Outcome<Sample> {
        self.ask(&format!("anew {server} {model} {compares} {times}"))
    }

    pub fn held(&mut self, server: &str, model: &str, times: usize) -> Outcome<Sample> {
        self.ask(&format!("held {server} {model} {times}"))
    }

    pub fn compare(&mut self, server: &str, model: &str, times: usize) -> Outcome<Sample> {
        self.ask(&format!("compare {server} {model} {times}"))
    }

    pub fn end(self) -> Outcome {
        self.0.end()
    }

    fn ask(&mut self, line: &str) -> Outcome<Sample> {
        self.0.tell(line)?;
        let answer = self.0.hear(PATIENCE)?.ok_or("the attacher says nothing")?;
        let times = answer.split_ascii_whitespace().map(str::parse::<f64>);
        Ok(times.collect::<Result<_, _>>()?)
    }
}

/// That process.
pub fn attach_as_told() -> Outcome {
    let mut known = HashMap::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let mut models = |server: &str, compares| -> Models {
            let made = || {
                let builder = Models::builder().server(server).falls_back(false);
                builder.compares(compares).build()
            };
            known
                .entry((server.to_owned(), compares))
                .or_insert_with(made)
                .clone()
        };
        let times = match words[..] {
            ["anew", server, model, compares, times] => {
                let models = models(server, compares.parse()?);
                timed(times, || Ok(models.attach(model)?))?
            }
            ["held", server, model, times] => {
                let models = models(server, false);
                let held = models.attach(model)?;
                let times = timed(times, || Ok(models.attach(model)?))?;
                drop(held);
                times
            }
            ["compare", server, model, times] => {
                let weights = models(server, false).attach(model)?;
                whole(&weights)?;
                timed(times, || whole(&weights))?
            }
            _ => return Err(format!("what is {line:?}?").into()),
        };
        let times = times
            .iter()
            .map(|took| (took.as_secs_f64() * 1e6).to_string());
        println!("{}", times.collect::<Vec<_>>().join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn whole(weights: &Weights) -> Outcome {
    match weights.first_changed_shard() {
        None => Ok(()),
        Some(shard) => Err(format!("shard {shard} was changed").into()),
    }
}

/// What comes of it is given back outside of the time.
fn timed<T>(times: &str, mut work: impl FnMut() -> Outcome<T>) -> Outcome<Vec<Duration>> {
    let once = |_| -> Outcome<Duration> {
        let begun = Instant::now();
        let made = work()?;
        let took = begun.elapsed();
        drop(made);
        Ok(took)
    };
    (0..times.parse()?).map(once).collect()
}
