//! `zenoh-pinned serve`: the page, metrics and figures of this machine over HTTP, by `zenoh-pinned-observe`.

use std::{net::SocketAddr, time::Duration};

use zenoh_pinned::bindings::Termination;
use zenoh_pinned_models::Models;
use zenoh_pinned_observe::{Observer, host};

use crate::{Outcome, output};

/// A page that shows who holds what, and metrics for Prometheus; only whoever is on this machine can see it
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen, 127.0.0.1:7448 by default; port 0 is any that is free. There is no password
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
    /// Answer to this name as well, such as that of a proxy in front; may be given several times
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    output::log_to_standard_error();
    let termination = match Termination::expect() {
        Ok(termination) => termination,
        Err(error) => {
            output::error(&format!("signals cannot be waited for: {error}"));
            return Outcome::Wrong;
        }
    };
    let models = Models::builder().build().figures();
    let mut observer = Observer::builder().sources(host()).source(models);
    if let Some(address) = arguments.address {
        observer = observer.address(address);
    }
    for name in &arguments.allow_host {
        observer = observer.allow_host(name);
    }
    let serving = match observer.serve() {
        Ok(serving) => serving,
        Err(error) => {
            output::error(&error.to_string());
            return Outcome::Wrong;
        }
    };
    let address = serving.address();
    output::line(&format!("http://{address}/"));
    if !address.ip().is_loopback() {
        output::error("whoever can connect sees everything: there is no password");
    }
    while !termination.wait(Duration::from_secs(3600)) {}
    Outcome::Well
}
