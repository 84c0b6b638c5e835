//! Pools and sessions for these tests.

use std::time::Duration;

use zenoh::Session;
use zenoh_pinned::Pinner;
use zenoh_pinned_workers::{Workers, WorkersBuilder};

pub const SOON: Duration = Duration::from_secs(60);

/// A session that nobody else finds.
pub fn session() -> Session {
    let mut config = zenoh::Config::default();
    for (key, value) in [
        ("mode", r#""peer""#),
        ("listen/endpoints", "[]"),
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    zenoh_pinned_node::pubsub::open(config, &Pinner::host_only()).unwrap()
}

/// The command of a worker that serves with one of `engines`.
pub fn command(engine: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let test = format!("engines::{engine}");
    let arguments = [&test, "--exact", "--ignored", "--nocapture"].map(String::from);
    std::iter::once(program.to_str().unwrap().to_owned()).chain(arguments).collect()
}

/// A pool whose workers serve with one of `engines`.
pub fn pool(name: &str, engine: &str) -> WorkersBuilder {
    Workers::builder(name).command(command(engine)).deadline(SOON)
}
