//! `zenoh-pinned top`: who holds what on this machine, in a terminal, looked at again every second.
//!
//! What is shown (`sections`) is apart from how it looks: on a screen (`screen`, drawn by `draw`) or printed once (`plain`).

mod draw;
mod plain;
mod screen;
mod sections;
mod seen;
mod table;

use std::io::{self, IsTerminal};

use seen::Seen;

use crate::{Outcome, output};

/// Pools and slots, workers, processes, paths and reasons, queues, as they change; printed once where there is no terminal
///
/// Keys: tab and the left and right arrows change what is shown, the up and down arrows and the page keys scroll, q ends.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print everything once
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let is_screen = io::stdout().is_terminal() && io::stdin().is_terminal();
    output::without_warnings(|| match arguments.once || !is_screen {
        true => print_once(),
        false => show(),
    })
}

fn print_once() -> Outcome {
    match Seen::now() {
        Ok(seen) => {
            output::line(&plain::text(&seen, output::columns().unwrap_or(100)));
            Outcome::Well
        }
        Err(why) => {
            output::error(&why);
            Outcome::Wrong
        }
    }
}

fn show() -> Outcome {
    match screen::show(Seen::now) {
        Ok(()) => Outcome::Well,
        Err(error) => {
            output::error(&format!(
                "the terminal does not do what it should: {error}; zenoh-pinned top --once needs none"
            ));
            Outcome::Wrong
        }
    }
}
