//! The registry: models by name, each loaded once, however many ask.
//!
//! Holds: the catalog (who has leases, what goes), the models that are kept, how far loads are, and what has been counted.
//! One thread, `zpin-models`, looks after what has had no lease for long; each load has a thread of its own, so that it goes
//! on when whoever asked first has given up.
//!
//! Who may write what: whoever asks, from any thread, through the catalog.
//!
//! Locks: one mutex around everything, held for operations on tables; nothing is read, summed, made or given back under it.
//!
//! Invariants:
//! - Those of the catalog.
//! - Weights are compared with their checksums before the first lease of a session begins; what does not match goes, and is
//!   loaded anew for whoever asks next.
//! - A load that finds no memory makes the least recently used models without a lease go, one after the other, and tries
//!   again; only then it fails, and tells what was needed, what is free, and who holds the rest.

mod builder;
mod catalog;
mod flight;
mod leasing;
mod loading;
mod looking;
mod refusals;
mod shared;
mod statistics;

use std::{path::Path, sync::Arc, time::Duration};

pub use builder::RegistryBuilder;
pub(crate) use leasing::Leased;
pub(crate) use shared::Shared;
use shared::{Source, absolute};
pub(crate) use statistics::bytes_by_state;
pub use statistics::{ModelState, ModelStatistics, RegistryStatistics};

use crate::{
    error::{LoadError, UnloadError},
    weights::{InProcessReason, Weights},
};

/// Models by name, loaded once into pinned shared memory. Cheap to clone, usable from any thread.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("zpin-doc-registry-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("m.safetensors");
/// # let header = br#"{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
/// # let mut file = (header.len() as u64).to_le_bytes().to_vec();
/// # file.extend_from_slice(header);
/// # file.extend([0u8; 8]);
/// # std::fs::write(&path, file)?;
/// use std::time::Duration;
/// use zenoh_pinned_models::Registry;
///
/// let registry = Registry::builder().time_to_live(Duration::from_secs(30)).build();
/// let first = registry.load("scales", &path)?; // reads the file
/// let second = registry.load("scales", &path)?; // reads nothing
/// assert_eq!(first.shards()[0].as_ptr(), second.shards()[0].as_ptr());
/// assert_eq!(registry.statistics().loads, 1);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    owner: Arc<Owner>,
}

/// Ends the registry with its last clone; leases go on without it.
struct Owner {
    shared: Arc<Shared>,
}

impl Registry {
    /// A builder with the defaults: half of what the host may have, 30 seconds to live, shards of 256 MiB.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// A lease on the model of this name, which is loaded from `source` unless it is there already: a `.safetensors` file, the
    /// index of several, or an `.onnx` file. Waits while somebody else loads it.
    ///
    /// All who ask in this process share one lease, so that only the first asks for more than a look into a table.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(&self, model: &str, source: impl AsRef<Path>) -> Result<Weights, LoadError> {
        self.load_within(model, source.as_ref(), self.shared().patience)
    }

    /// A lease on a model that is there, or whose file is known: from [`RegistryBuilder::source`], or because it was loaded
    /// before.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn lease(&self, model: &str) -> Result<Weights, LoadError> {
        self.own_lease(model, None, self.shared().patience)
    }

    /// Says where the file of a model is, which is read when somebody asks for it. Nobody loads the model from another file
    /// then.
    pub fn add_source(&self, model: &str, source: impl AsRef<Path>) {
        if self.shared().made_here.holds() {
            let source = Source::named(source.as_ref());
            self.shared()
                .lock()
                .sources
                .insert(model.to_owned(), source);
        }
    }

    /// Gives up a model: at once, or with its last lease, as the number of leases that are left tells. Asked for again
    /// it is loaded anew, beside what is leaving.
    ///
    /// # Errors
    /// [`UnloadError`].
    pub fn unload(&self, model: &str) -> Result<usize, UnloadError> {
        match self.shared().made_here.holds() {
            true => self.shared().unload(model),
            false => Err(UnloadError::Forked),
        }
    }

    /// What is there, and what has been done; nothing in a forked child.
    pub fn statistics(&self) -> RegistryStatistics {
        match self.shared().made_here.holds() {
            true => self.shared().statistics(),
            false => RegistryStatistics::default(),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// As [`Registry::load`], for somebody with a patience of his own.
    pub(crate) fn load_within(
        &self,
        model: &str,
        source: &Path,
        patience: Duration,
    ) -> Result<Weights, LoadError> {
        self.own_lease(model, Some(&absolute(source)), patience)
    }

    fn own_lease(
        &self,
        model: &str,
        source: Option<&Path>,
        patience: Duration,
    ) -> Result<Weights, LoadError> {
        let shared = self.shared();
        if !shared.made_here.holds() {
            return Err(LoadError::Forked);
        }
        if let Some(held) = shared.held(model, source)? {
            return Ok(held);
        }
        let session = std::process::id();
        let leased = shared.leased(model, source, session, patience)?;
        let contents = leased.loaded.contents.clone();
        let weights = Weights::new(contents, leased, Some(InProcessReason::OwnRegistry));
        // Two who came at once have two leases for a while: the first stays the one that is shared. It is not taken here, as
        // whoever is the last to let go of it needs this lock.
        let mut state = shared.lock();
        if state
            .own
            .get(model)
            .is_none_or(|held| held.strong_count() == 0)
        {
            let inner = Arc::downgrade(weights.inner());
            state.own.insert(model.to_owned(), inner);
        }
        drop(state);
        Ok(weights)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let shared = &self.shared;
        if !shared.made_here.holds() {
            return;
        }
        let mut state = shared.lock();
        state.is_ended = true;
        for flight in state.flights.values() {
            flight.progress.give_up();
        }
        let kept = state.catalog.clear();
        drop(state);
        shared.changed.notify_all();
        drop(kept);
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registry")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
