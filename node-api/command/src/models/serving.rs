//! `zenoh-pinned models serve`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use zenoh_pinned::{
    Pinner,
    bindings::{Termination, bytes_in, interruptible},
};
use zenoh_pinned_models::{
    ModelServer, Registry,
    control::{Models as _, Server},
    offering::{Offered, Offering, repository},
};
use zenoh_pinned_observe::{Observer, Serving};

use crate::{Outcome, output};

/// Where clients of the Open Inference Protocol connect by default, as to Triton.
const GRPC: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8001);

/// Serve models: their weights to all processes of this user, and answers by the Open Inference Protocol (gRPC)
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server's name, by which processes find it
    #[arg(long, value_name = "NAME", default_value = "default")]
    name: String,
    /// A model and its file, .safetensors or .onnx; may be given several times. Read when somebody asks for it
    #[arg(long = "model", value_name = "MODEL=FILE", value_parser = model)]
    models: Vec<(String, PathBuf)>,
    /// A folder of models, each a folder with its file and perhaps a model.json that names its workers
    #[arg(long, value_name = "FOLDER")]
    repository: Option<PathBuf>,
    /// Load these models at once; `all` for each of the repository
    #[arg(long, value_name = "MODEL")]
    load: Vec<String>,
    /// Memory of all models together, such as 8GiB; by default what this library may use on this machine
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_bytes: Option<u64>,
    /// Memory of the models that one process may use at a time
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    session_bytes: Option<u64>,
    /// How much of a model is registered at once by whoever copies it to a GPU
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "256MiB")]
    shard_bytes: u64,
    /// For how many seconds a model stays that nobody uses
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    time_to_live: u64,
    /// Where clients of the Open Inference Protocol connect; port 0 is any that is free. There is no password
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = GRPC)]
    grpc: SocketAddr,
    /// Serve weights alone, and no gRPC
    #[arg(long, conflicts_with = "grpc")]
    no_grpc: bool,
    /// Show what is served at this address as well: a page, and metrics for Prometheus
    #[arg(long, value_name = "ADDRESS:PORT")]
    observe: Option<SocketAddr>,
}

fn model(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.into(), path.into()))
        }
        _ => Err(String::from("say MODEL=FILE, such as ocr=models/ocr.onnx")),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    bytes_in(text).ok_or_else(|| String::from("say a number of bytes, such as 512MiB or 8GiB"))
}

/// What is open while models are served.
struct Opened {
    _grpc: Option<Server>,
    _page: Option<Serving>,
    _weights: ModelServer,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    output::log_to_standard_error();
    let termination = Termination::expect()
        .map(Arc::new)
        .map_err(|error| format!("signals cannot be waited for: {error}"));
    let opened = termination.and_then(|termination| {
        let asked = termination.clone();
        let is_wanted = move || asked.wait(Duration::ZERO);
        // Loads and workers that are waited for end early then.
        let opened = interruptible(is_wanted, || open(arguments))?;
        Ok((termination, opened))
    });
    match opened {
        Ok((termination, _opened)) => {
            while !termination.wait(Duration::from_secs(3600)) {}
            Outcome::Well
        }
        Err(error) => {
            output::error(&error);
            Outcome::Wrong
        }
    }
}

fn open(arguments: &Arguments) -> Result<Opened, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let offered = offered(arguments)?;
    let names: Vec<_> = offered.iter().map(|offered| offered.name.clone()).collect();
    let mut builder = Registry::builder()
        .shard_bytes(arguments.shard_bytes)
        .time_to_live(Duration::from_secs(arguments.time_to_live));
    if let Some(bytes) = arguments.max_bytes {
        builder = builder.max_bytes(bytes);
    }
    if let Some(bytes) = arguments.session_bytes {
        builder = builder.session_bytes(bytes);
    }
    let registry = builder.build();
    for one in &offered {
        registry.add_source(&one.name, &one.source);
    }
    let weights = ModelServer::serve(&registry, &arguments.name).map_err(|error| text(&error))?;
    output::line(&format!("weights at {}", weights.place()));
    let page = match arguments.observe {
        Some(address) => {
            let observer = Observer::builder().source(registry.figures());
            let serving = observer.address(address).serve();
            let serving = serving.map_err(|error| text(&error))?;
            output::line(&format!("page at http://{}/", serving.address()));
            Some(serving)
        }
        None => None,
    };
    let grpc = match arguments.no_grpc {
        true => None,
        false => Some(control(arguments, &registry, offered)?),
    };
    let (grpc, offering) = grpc.unzip();
    load(arguments, &names, |name| match &offering {
        Some(offering) => offering.load(name).map_err(|error| text(&error)),
        None => registry.lease(name).map(drop).map_err(|error| text(&error)),
    })?;
    Ok(Opened {
        _grpc: grpc,
        _page: page,
        _weights: weights,
    })
}

fn offered(arguments: &Arguments) -> Result<Vec<Offered>, String> {
    let mut offered = match &arguments.repository {
        Some(folder) => repository(folder).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    for (name, path) in &arguments.models {
        if offered.iter().any(|one| one.name == *name) {
            return Err(format!("there are two models {name}: leave one out"));
        }
        offered.push(Offered::new(name, absolute(path)?));
    }
    match offered.is_empty() {
        true => Err(String::from(
            "there is nothing to serve: say --model MODEL=FILE, or --repository FOLDER",
        )),
        false => Ok(offered),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{} is no path: {error}", path.display()))
}

fn control(
    arguments: &Arguments,
    registry: &Registry,
    offered: Vec<Offered>,
) -> Result<(Server, Arc<Offering>), String> {
    let session = alone().and_then(|config| {
        let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only());
        session.map_err(|error| error.to_string())
    })?;
    let offering = Arc::new(Offering::new(registry, &session, &arguments.name, offered));
    let server = Server::builder(offering.clone()).address(arguments.grpc);
    let server = server.serve().map_err(|error| error.to_string())?;
    let address = server.address();
    output::line(&format!("gRPC at {address}"));
    if !address.ip().is_loopback() {
        output::error("whoever can connect can ask, load and unload models: there is no password");
    }
    Ok((server, offering))
}

/// A session that nobody finds and that listens nowhere: workers have a socket of their own, and clients gRPC.
fn alone() -> Result<zenoh::Config, String> {
    let mut config = zenoh::Config::default();
    let settings = [
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
        ("listen/endpoints", "[]"),
    ];
    for (key, value) in settings {
        let set = config.insert_json5(key, value);
        set.map_err(|error| format!("zenoh refused its configuration: {error}"))?;
    }
    Ok(config)
}

/// Loads what is to be loaded at once, a line for each.
fn load(
    arguments: &Arguments,
    names: &[String],
    load: impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    let all = arguments.load.iter().any(|name| name == "all");
    let asked: &[String] = if all { names } else { &arguments.load };
    for name in asked {
        if !names.contains(name) {
            return Err(format!(
                "there is no model {name} to load: say where it is with --model or --repository"
            ));
        }
        let began = std::time::Instant::now();
        match load(name) {
            Ok(()) => output::line(&format!(
                "{name} is ready after {:.1} s",
                began.elapsed().as_secs_f64()
            )),
            // The others are served all the same, and this one may be asked for again.
            Err(error) => output::error(&format!("{name}: {error}")),
        }
    }
    Ok(())
}
