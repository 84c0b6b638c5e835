//! `zenoh-pinned serve`: the page.

use crate::Outcome;

/// Serve the page that shows pools, frames and reasons
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> Outcome {
    Outcome::Well
}
