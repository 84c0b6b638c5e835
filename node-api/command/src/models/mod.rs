//! `zenoh-pinned models`: weights for all processes of this user, by `zenoh-pinned-models`.

mod listing;
mod serving;

use zenoh_pinned_models::Models;

use crate::{Outcome, output};

/// Load models once, for every worker of this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serving::Arguments),
    List(ListArguments),
    Unload(UnloadArguments),
}

/// What a server has, who has leases on it, and what it has done
#[derive(Debug, clap::Args)]
struct ListArguments {
    /// The server's name
    #[arg(long, value_name = "NAME", default_value = "default")]
    name: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Have a server give up a model: at once, or with its last lease
#[derive(Debug, clap::Args)]
struct UnloadArguments {
    /// The model
    model: String,
    /// The server's name
    #[arg(long, value_name = "NAME", default_value = "default")]
    name: String,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Serve(arguments) => serving::run(arguments),
        Command::List(arguments) => list(arguments),
        Command::Unload(arguments) => unload(arguments),
    }
}

fn list(arguments: &ListArguments) -> Outcome {
    let models = Models::builder().server(&arguments.name).build();
    match models.statistics() {
        Ok(statistics) => {
            match arguments.json {
                true => {
                    output::line(&serde_json::to_string_pretty(&statistics).unwrap_or_default())
                }
                false => output::line(listing::table(&statistics).trim_end()),
            }
            Outcome::Well
        }
        Err(error) => wrong(&error),
    }
}

fn unload(arguments: &UnloadArguments) -> Outcome {
    let models = Models::builder().server(&arguments.name).build();
    match models.unload(&arguments.model) {
        Ok(0) => output::line("unloaded"),
        Ok(leases) => output::line(&format!("it goes with the last of {leases} leases")),
        Err(error) => return wrong(&error),
    }
    Outcome::Well
}

fn wrong(error: &dyn std::error::Error) -> Outcome {
    output::error(&error.to_string());
    Outcome::Wrong
}
