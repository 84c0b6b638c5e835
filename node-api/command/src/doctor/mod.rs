//! `zenoh-pinned doctor`: everything that decides the path of frames on this machine, and what to do about what is wrong.
//!
//! What is found out (`facts`, with `versions`, `variables` and `trial`) is apart from what is said of it (`table`), which
//! reads nothing and does nothing.

mod facts;
mod print;
mod table;
mod trial;
mod variables;
mod versions;

use crate::{Outcome, output};

/// What decides the path of frames on this machine: each fact, whether it is well, and what to do
///
/// Ends with 0 where frames go by shared memory (and to the device, where one is asked for), with 1 where something keeps
/// them from it. Runs dora, zenohd and python3, where they are on the PATH, to ask for versions.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Try copies to this CUDA device as well, which makes a context on it
    #[arg(long, value_name = "N")]
    device: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let facts = output::without_warnings(|| facts::Facts::gather(arguments.device));
    let lines = table::lines(&facts);
    match arguments.json {
        true => output::line(&print::json(&lines)),
        false => output::line(&print::text(&lines, output::columns())),
    }
    match table::is_well(&lines) {
        true => Outcome::Well,
        false => Outcome::Wrong,
    }
}
