//! What all clones of a registry, its threads and its leases share.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use zenoh_pinned::bindings::MadeHere;

use super::{
    catalog::{Catalog, Unloaded},
    flight::Flight,
    statistics::Counts,
};
use crate::{error::UnloadError, loading::Loaded, weights};

pub(crate) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    pub(super) shard_bytes: u64,
    pub(super) patience: Duration,
    pub(super) made_here: MadeHere,
}

pub(super) struct State {
    pub(super) catalog: Catalog<Arc<Loaded>>,
    pub(super) flights: HashMap<String, Arc<Flight>>,
    pub(super) sources: HashMap<String, Source>,
    /// This process's own leases, which all who ask here share.
    pub(super) own: HashMap<String, Weak<weights::Inner>>,
    pub(super) counts: Counts,
    pub(super) has_thread: bool,
    pub(super) is_ended: bool,
}

/// Where a model is from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Whoever has the registry has said so, and whoever asks cannot say otherwise.
    pub(super) is_named: bool,
}

impl Source {
    pub(super) fn named(path: &Path) -> Self {
        Self {
            path: absolute(path),
            is_named: true,
        }
    }
}

/// A path that means the same wherever it is read; as it is, where there is no folder to begin at.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn unload(&self, model: &str) -> Result<usize, UnloadError> {
        let mut state = self.lock();
        let unloaded = state.catalog.unload(model);
        let is_loading = state.flights.contains_key(model);
        state.own.remove(model);
        drop(state);
        match unloaded {
            Unloaded::Gone(_) => Ok(0),
            Unloaded::Leaving(leases) => Ok(leases),
            Unloaded::NotLoaded if is_loading => Err(UnloadError::Loading {
                model: model.to_owned(),
            }),
            Unloaded::NotLoaded => Err(UnloadError::NotLoaded {
                model: model.to_owned(),
            }),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child has no thread that loads, and gives nothing of its parent's back.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(state.catalog.clear());
        }
    }
}
