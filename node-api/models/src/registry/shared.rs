//! What all clones of a registry, its threads and its leases share.

use std::{
    collections::HashMap,
    path::PathBuf,
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
    pub(super) sources: HashMap<String, PathBuf>,
    /// This process's own leases, which all who ask here share.
    pub(super) own: HashMap<String, Weak<weights::Inner>>,
    pub(super) counts: Counts,
    pub(super) has_thread: bool,
    pub(super) is_ended: bool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the load of a model is, while there is one.
    pub(crate) fn progress(&self, model: &str) -> Option<(u64, u64)> {
        let flight = self.lock().flights.get(model).cloned();
        flight.map(|flight| flight.progress.bytes())
    }

    pub(crate) fn unload(&self, model: &str) -> Result<usize, UnloadError> {
        let mut state = self.lock();
        let unloaded = state.catalog.unload(model);
        state.own.remove(model);
        drop(state);
        match unloaded {
            Unloaded::Gone(_) => Ok(0),
            Unloaded::Leaving(leases) => Ok(leases),
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
