//! What is measured.

mod access;
mod attach;
mod camera_models;
mod hand_over;
mod kill;
mod memory;
mod overhead;

use std::path::{Path, PathBuf};

use serde_json::Value;
use zenoh_pinned_models::{ModelServer, Registry};

use crate::{Bench, Outcome, server::TIME_TO_LIVE};

/// What it is called, and how it is measured.
type Figure = (&'static str, fn(&Bench) -> Outcome<Value>);

pub const ALL: [Figure; 7] = [
    ("access", access::measure),
    ("overhead", overhead::measure),
    ("attach", attach::measure),
    ("hand_over", hand_over::measure),
    ("memory", memory::measure),
    ("kill", kill::measure),
    ("camera_models", camera_models::measure),
];

/// A registry of this process that others find by name.
struct Served {
    name: String,
    registry: Registry,
    _server: ModelServer,
}

impl Served {
    fn new(what: &str, shard_bytes: u64) -> Outcome<Self> {
        let registry = Registry::builder()
            .time_to_live(TIME_TO_LIVE)
            .shard_bytes(shard_bytes)
            .build();
        let name = name_of(what);
        Ok(Self {
            _server: ModelServer::serve(&registry, &name)?,
            registry,
            name,
        })
    }

    /// Loads a model of this name, and keeps it without a lease.
    fn load(&self, model: &str, path: &Path) -> Outcome {
        drop(self.registry.load(model, path)?);
        Ok(())
    }
}

/// Of a server that no other run has.
fn name_of(what: &str) -> String {
    format!("bench-{}-{what}", std::process::id())
}

/// A program in Python.
fn peer(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(file)
}
