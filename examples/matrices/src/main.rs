//! Matrices from where they are made to a Zarr array on disk, through processes that share one memory.

mod arguments;
mod run;

use std::{
    io::Write as _,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use clap::Parser as _;
use matrices::{pipeline::Stop, report, roles, store};
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    show_log();
    let done = match &arguments.command {
        Some(Command::Work { role, output }) => roles::work(*role, output).map(|()| Vec::new()),
        Some(Command::Verify { folder, json }) => verify(folder, *json),
        None => run(&arguments),
    };
    match done {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems
                .iter()
                .for_each(|problem| eprintln!("matrices: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("matrices: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, but for those that it has told already.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        match told.is_empty() {
            true => cause,
            false if told.contains(&cause) => told,
            false => format!("{told}: {cause}"),
        }
    })
}

/// What went wrong, one sentence each.
fn run(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let stop = Stop::default();
    let on_signal = stop.clone();
    let is_second = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if is_second.swap(true, Ordering::Relaxed) {
            // As a shell says it of a program that an interrupt has ended. The kernel kills the workers.
            std::process::exit(130);
        }
        on_signal.end();
    })
    .context("Ctrl-C and SIGTERM cannot be handled")?;
    let report = run::run(&arguments.run, &stop)?;
    print(arguments.run.json, &report, || report::table(&report))?;
    Ok(report.problems)
}

fn verify(folder: &Path, json: bool) -> anyhow::Result<Vec<String>> {
    let mut progress = report::ProgressLine::on_terminal();
    let verified = store::verify(folder, &mut |done, stored| {
        progress.draw(|| format!("{done} of {stored} read"));
    })?;
    progress.clear();
    print(json, &verified, || verified.to_string())?;
    Ok(match verified.is_whole() {
        true => Vec::new(),
        false => vec![format!("{} is not whole: see above.", folder.display())],
    })
}

fn print(
    json: bool,
    value: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let text = match json {
        true => serde_json::to_string(value)?,
        false => text(),
    };
    writeln!(std::io::stdout(), "{}", text.trim_end()).context("The result could not be written")
}

/// As much as `RUST_LOG` asks for: `warn`, `info`, `debug` or `trace`.
fn show_log() {
    let asked = std::env::var("RUST_LOG").ok();
    let level = asked.and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::OFF))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
