//! What a registry has, and what it has done, for whoever looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Counted since the registry was made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) loads: u64,
    pub(super) failures: u64,
    pub(super) read_bytes: u64,
    pub(super) leases: u64,
    pub(super) hits: u64,
    pub(super) evictions: u64,
    pub(super) expired: u64,
    pub(super) changed: u64,
}

/// A registry at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegistryStatistics {
    /// The models that have memory.
    pub models: Vec<ModelStatistics>,
    /// The models whose file is known, whether they are loaded or not.
    pub known: BTreeSet<String>,
    /// Bytes that all models together may have.
    pub max_bytes: u64,
    /// Loads that have succeeded.
    pub loads: u64,
    /// Loads that have failed.
    pub failures: u64,
    /// Bytes that these have read from files.
    pub read_bytes: u64,
    /// Leases that have begun.
    pub leases: u64,
    /// How often somebody was given a lease that his process had already.
    pub hits: u64,
    /// Models that had to go for others.
    pub evictions: u64,
    /// Models that went because nobody had used them for their time to live.
    pub expired: u64,
    /// Models that went because somebody had written into them.
    pub changed: u64,
}

/// A model at a moment. One that was unloaded while it had leases and then loaded anew is there twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelStatistics {
    /// Its name.
    pub model: String,
    /// Where it is on its way.
    pub state: ModelState,
    /// Its bytes in shared memory.
    pub bytes: u64,
    /// How many of them have been read from its file.
    pub read_bytes: u64,
    /// The processes that have leases on it.
    pub sessions: BTreeSet<u32>,
    /// How many these are.
    pub leases: usize,
    /// For how long it has had none.
    pub idle: Duration,
    /// The file that it is from.
    pub source: Option<PathBuf>,
}

/// Where a model is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelState {
    /// Somebody has asked for it, and its file is being read.
    Loading,
    /// It is there.
    Ready,
    /// It goes with its last lease.
    Leaving,
}

impl Counts {
    pub(super) fn shown(
        self,
        models: Vec<ModelStatistics>,
        known: BTreeSet<String>,
        max_bytes: u64,
    ) -> RegistryStatistics {
        RegistryStatistics {
            models,
            known,
            max_bytes,
            loads: self.loads,
            failures: self.failures,
            read_bytes: self.read_bytes,
            leases: self.leases,
            hits: self.hits,
            evictions: self.evictions,
            expired: self.expired,
            changed: self.changed,
        }
    }
}

impl ModelState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Leaving => "leaving",
        }
    }
}

/// Bytes by state, for metrics.
pub(crate) fn bytes_by_state(models: &[ModelStatistics]) -> BTreeMap<(&str, &'static str), u64> {
    let mut sums = BTreeMap::new();
    for model in models {
        *sums.entry((&*model.model, model.state.name())).or_default() += model.bytes;
    }
    sums
}
