#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// words, programs, output / the subcommands, each on its own: doctor, models, serve, top.
mod doctor;
mod models;
mod output;
mod programs;
mod serve;
mod top;
mod words;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// Page-locked shared memory for zenoh: what decides the path on this machine, and who holds what.
#[derive(Debug, Parser)]
#[command(name = "zenoh-pinned", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// A subcommand is a module with its arguments and `run`, and a line here and in [`run`].
#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::Arguments),
    Top(top::Arguments),
    Serve(serve::Arguments),
    Models(models::Arguments),
}

/// How the command ended, as a process tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Code 0: it did what was asked, and found nothing wrong.
    Well,
    /// Code 1: it could not, or something is wrong; the output says what.
    Wrong,
    /// Code 2: the arguments make no sense.
    Usage,
}

impl Outcome {
    /// As the exit code of a process.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Wrong => 1,
            Self::Usage => 2,
        }
    }
}

impl From<Outcome> for std::process::ExitCode {
    fn from(outcome: Outcome) -> Self {
        outcome.code().into()
    }
}

/// Runs the command with these arguments, of which the first is the program's name, and prints to the standard output and
/// error. Returns when it has ended, which `top`, `serve` and `models serve` do at SIGINT, SIGTERM and SIGHUP; meanwhile they have these
/// signals' handlers. For one thread of a process at a time.
///
/// ```
/// use zenoh_pinned_command::{Outcome, run};
///
/// assert_eq!(run(["zenoh-pinned", "--version"]), Outcome::Well);
/// assert_eq!(run(["zenoh-pinned", "no-such-thing"]), Outcome::Usage);
/// ```
pub fn run<Argument: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = Argument>,
) -> Outcome {
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => match command {
            Command::Doctor(arguments) => doctor::run(&arguments),
            Command::Top(arguments) => top::run(&arguments),
            Command::Serve(arguments) => serve::run(&arguments),
            Command::Models(arguments) => models::run(&arguments),
        },
        Err(error) => {
            // Help and the version come this way too.
            let _ = error.print();
            match error.use_stderr() {
                true => Outcome::Usage,
                false => Outcome::Well,
            }
        }
    }
}
