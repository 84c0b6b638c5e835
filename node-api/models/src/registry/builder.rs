//! What bounds a registry.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use zenoh_pinned::{HostUsage, bindings::MadeHere};

use super::{
    Owner, Registry,
    catalog::{Catalog, Terms},
    shared::{Shared, Source, State},
    statistics::Counts,
};

/// Bounds of a [`Registry`].
///
/// ```
/// use std::time::Duration;
///
/// let registry = zenoh_pinned_models::Registry::builder()
///     .max_bytes(8 << 30) // of all models together
///     .session_bytes(2 << 30) // that one process may have leases on
///     .shard_bytes(256 << 20) // registered at once by whoever copies them to a device
///     .time_to_live(Duration::from_secs(30))
///     .patience(Duration::from_secs(60))
///     .source("ocr", "models/ocr.onnx")
///     .build();
/// assert!(registry.statistics().models.is_empty()); // read when somebody asks
/// ```
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    max_bytes: Option<u64>,
    session_bytes: u64,
    shard_bytes: u64,
    time_to_live: Duration,
    patience: Duration,
    sources: HashMap<String, Source>,
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            max_bytes: None,
            session_bytes: u64::MAX,
            shard_bytes: 256 << 20,
            time_to_live: Duration::from_secs(30),
            patience: Duration::from_secs(600),
            sources: HashMap::new(),
        }
    }
}

impl RegistryBuilder {
    /// Bytes that all models together may have; by default what this library may use on this host at all
    /// (`ZENOH_PINNED_HOST_BYTES`, or half of the machine's memory). The budget of the host bounds them too.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Bytes of models that one session, a process, may have leases on at a time; no bound by default.
    pub fn session_bytes(mut self, bytes: u64) -> Self {
        self.session_bytes = bytes;
        self
    }

    /// Bytes of a shard, unless one tensor alone has more; 256 MiB by default. A worker that copies weights to its device
    /// registers a shard at a time.
    pub fn shard_bytes(mut self, bytes: u64) -> Self {
        self.shard_bytes = bytes.max(1);
        self
    }

    /// How long a model stays after its last lease has ended: 30 seconds by default, half of that under
    /// [`Pressure::High`](zenoh_pinned::Pressure::High), a quarter under [`Pressure::Critical`](zenoh_pinned::Pressure::Critical).
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// How long whoever asks waits for a load; ten minutes by default. The load goes on without him.
    pub fn patience(mut self, patience: Duration) -> Self {
        // A moment that can be computed.
        self.patience = patience.min(Duration::from_secs(1 << 20));
        self
    }

    /// Says where the file of a model is, which is read when somebody asks for it. Nobody loads the model from another file
    /// then.
    pub fn source(mut self, model: impl Into<String>, path: impl AsRef<Path>) -> Self {
        self.sources
            .insert(model.into(), Source::named(path.as_ref()));
        self
    }

    /// Makes the registry. Nothing is read yet.
    pub fn build(self) -> Registry {
        let host = || HostUsage::now().map_or(u64::MAX, |usage| usage.limit_bytes);
        let terms = Terms {
            max_bytes: self.max_bytes.unwrap_or_else(host),
            session_bytes: self.session_bytes,
            time_to_live: self.time_to_live,
        };
        let shared = Shared {
            state: Mutex::new(State {
                catalog: Catalog::new(terms),
                flights: HashMap::new(),
                sources: self.sources,
                own: HashMap::new(),
                counts: Counts::default(),
                has_thread: false,
                is_ended: false,
            }),
            changed: Condvar::new(),
            shard_bytes: self.shard_bytes,
            patience: self.patience,
            made_here: MadeHere::now(),
        };
        let shared = Arc::new(shared);
        Registry {
            owner: Arc::new(Owner { shared }),
        }
    }
}
