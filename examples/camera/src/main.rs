//! Sends video frames from one process to another through pinned shared memory: decoded in place
//! by the publisher, copied to the GPU straight from the same memory by the subscriber.

mod arguments;
mod consumer;
mod frame_header;
mod frame_publisher;
mod publish;
mod report;
mod run;
mod save_frame;
mod session;
mod stream;
mod subscribe;
mod subscriber_process;
mod table;
mod tally;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use camera::stop::Stop;
use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    show_log();
    match execute(arguments) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("camera: {problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("camera: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns what went wrong with the frames themselves, one sentence each.
fn execute(arguments: Arguments) -> anyhow::Result<Vec<String>> {
    let stop = Stop::default();
    let on_signal = stop.clone();
    ctrlc::set_handler(move || on_signal.request())
        .context("Ctrl-C and SIGTERM cannot be handled")?;
    let json = arguments.command.json();
    let outcome = match &arguments.command {
        Command::Run(run) => run::run(run, &stop)?,
        Command::Publish(publish) => publish::publish(publish, &stop)?,
        Command::Subscribe(subscribe) => subscribe::subscribe(subscribe, &stop)?,
    };
    let text = match json {
        true => format!("{}\n", serde_json::to_string(&outcome.report)?),
        false => table::table(&outcome),
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("The result could not be written")?;
    let mut problems = outcome.problems;
    if !arguments.command.supervised() {
        // The process that started this one judges the report.
        problems.extend(outcome.report.problems());
    }
    Ok(problems)
}

/// As much as `RUST_LOG` asks for: `warn`, `info`, `debug` or `trace`.
fn show_log() {
    let asked = std::env::var("RUST_LOG").ok();
    let level = asked.and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::ERROR))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
