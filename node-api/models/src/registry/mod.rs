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
mod statistics;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use zenoh_pinned::{
    HostUsage, Pressure,
    bindings::{MadeHere, is_interrupted},
};

pub use builder::RegistryBuilder;
use catalog::{Catalog, Found, LeaseNumber, ModelPhase, NoLease, Session, Shortage, Unloaded};
use flight::Flight;
use statistics::Counts;
pub(crate) use statistics::bytes_by_state;
pub use statistics::{ModelState, ModelStatistics, RegistryStatistics};

use crate::{
    error::{CapacityError, Holder, LoadError, UnloadError},
    loading::{Loaded, NotLoaded, Plan},
    weights::{self, Contents, InProcessReason, Weights},
};

/// How often what idles is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a waiting caller is asked whether he still waits.
const ASK_EVERY: Duration = Duration::from_millis(50);

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

pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    shard_bytes: u64,
    patience: Duration,
    made_here: MadeHere,
}

struct State {
    catalog: Catalog<Arc<Loaded>>,
    flights: HashMap<String, Arc<Flight>>,
    sources: HashMap<String, PathBuf>,
    /// This process's own leases, which all who ask here share.
    own: HashMap<String, Weak<weights::Inner>>,
    counts: Counts,
    has_thread: bool,
    is_ended: bool,
}

/// A lease of a session, by what the registry keeps for it.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) loaded: Arc<Loaded>,
    _guard: LeaseGuard,
}

/// Ends a lease when it goes.
struct LeaseGuard {
    shared: Weak<Shared>,
    lease: LeaseNumber,
}

impl std::fmt::Debug for LeaseGuard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lease.fmt(formatter)
    }
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
        self.own_lease(model, Some(source.as_ref()))
    }

    /// A lease on a model that is there, or whose file is known: from [`RegistryBuilder::source`], or because it was loaded
    /// before.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn lease(&self, model: &str) -> Result<Weights, LoadError> {
        self.own_lease(model, None)
    }

    /// Says where the file of a model is, which is read when somebody asks for it.
    pub fn add_source(&self, model: &str, source: impl Into<PathBuf>) {
        self.shared()
            .lock()
            .sources
            .insert(model.to_owned(), source.into());
    }

    /// Gives up a model: at once, or with its last lease, as the number of leases that are left tells. Asked for again
    /// it is loaded anew, beside what is leaving.
    ///
    /// # Errors
    /// [`UnloadError::NotLoaded`].
    pub fn unload(&self, model: &str) -> Result<usize, UnloadError> {
        self.shared().unload(model)
    }

    /// What is there, and what has been done.
    pub fn statistics(&self) -> RegistryStatistics {
        self.shared().statistics()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    fn own_lease(&self, model: &str, source: Option<&Path>) -> Result<Weights, LoadError> {
        let shared = self.shared();
        if !shared.made_here.holds() {
            return Err(LoadError::Forked);
        }
        if let Some(held) = shared.held(model, source)? {
            return Ok(held);
        }
        let session = std::process::id();
        let leased = shared.leased(model, source, session, shared.patience)?;
        let contents = leased.loaded.contents.clone();
        let weights = Weights::new(contents, leased, Some(InProcessReason::OwnRegistry));
        // Two who came at once have two leases for a while: the first stays the one that is shared.
        let mut state = shared.lock();
        let held = state.own.get(model).and_then(Weak::upgrade);
        if held.is_none() {
            let inner = Arc::downgrade(weights.inner());
            state.own.insert(model.to_owned(), inner);
        }
        Ok(weights)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease that this process has already.
    fn held(&self, model: &str, source: Option<&Path>) -> Result<Option<Weights>, LoadError> {
        let mut state = self.lock();
        let Some(inner) = state.own.get(model).and_then(Weak::upgrade) else {
            return Ok(None);
        };
        state.counts.hits += 1;
        let found = state.catalog.find(model);
        if let Found::Ready(loaded) = found {
            check_source(model, loaded, source)?;
        }
        Ok(Some(Weights::of(inner)))
    }

    /// A lease for a session, once the model is there and its bytes are what they were.
    pub(crate) fn leased(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        session: Session,
        patience: Duration,
    ) -> Result<Leased, LoadError> {
        let until = Instant::now() + patience;
        let leased = self.leased_unchecked(model, source, session, until)?;
        if let Some(shard) = leased.loaded.contents.first_changed() {
            self.give_up_changed(model, &leased.loaded.contents);
            return Err(LoadError::Changed {
                model: model.to_owned(),
                shard,
            });
        }
        Ok(leased)
    }

    /// As [`Shared::leased`], for a session that compares the bytes itself.
    pub(crate) fn leased_unchecked(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        session: Session,
        until: Instant,
    ) -> Result<Leased, LoadError> {
        check_name(model)?;
        let started = Instant::now();
        let mut state = self.lock();
        loop {
            if state.is_ended {
                return Err(LoadError::Ending);
            }
            match state.catalog.find(model) {
                Found::Ready(loaded) => {
                    check_source(model, loaded, source)?;
                    let loaded = loaded.clone();
                    let lease = state.catalog.lease(model, session, Instant::now());
                    let lease = lease.map_err(|why| no_lease(model, why, &state.catalog))?;
                    state.counts.leases += 1;
                    return Ok(Leased {
                        loaded,
                        _guard: LeaseGuard {
                            shared: Arc::downgrade(self),
                            lease,
                        },
                    });
                }
                Found::Loading | Found::Absent => {}
            }
            let flight = match state.flights.get(model) {
                Some(flight) => flight.clone(),
                None => self.begin_flight(&mut state, model, source)?,
            };
            drop(state);
            flight
                .wait(until, ASK_EVERY, is_interrupted)
                .map_err(|why| {
                    why.unwrap_or_else(|| match is_interrupted() {
                        true => LoadError::Interrupted {
                            model: model.to_owned(),
                        },
                        false => LoadError::TimedOut {
                            model: model.to_owned(),
                            waited: started.elapsed(),
                        },
                    })
                })?;
            state = self.lock();
        }
    }

    /// How far the load of a model is, while there is one.
    pub(crate) fn progress(&self, model: &str) -> Option<(u64, u64)> {
        let flight = self.lock().flights.get(model).cloned();
        flight.map(|flight| flight.progress.bytes())
    }

    /// Somebody has found that the bytes are not what was loaded: if that is so, the model goes.
    pub(crate) fn check(&self, model: &str) -> bool {
        let contents = match self.lock().catalog.find(model) {
            Found::Ready(loaded) => loaded.contents.clone(),
            _ => return true,
        };
        let is_as_loaded = contents.first_changed().is_none();
        if !is_as_loaded {
            self.give_up_changed(model, &contents);
        }
        is_as_loaded
    }

    fn give_up_changed(&self, model: &str, contents: &Arc<Contents>) {
        let mut state = self.lock();
        let is_still_there = matches!(
            state.catalog.find(model),
            Found::Ready(loaded) if Arc::ptr_eq(&loaded.contents, contents)
        );
        if !is_still_there {
            return;
        }
        state.counts.changed += 1;
        state.own.remove(model);
        let gone = state.catalog.unload(model);
        drop(state);
        tracing::error!(
            model,
            "somebody has written into the weights of a model: it is given up"
        );
        drop(gone);
    }

    fn begin_flight(
        self: &Arc<Self>,
        state: &mut State,
        model: &str,
        source: Option<&Path>,
    ) -> Result<Arc<Flight>, LoadError> {
        let known = source.map(Path::to_owned);
        let known = known.or_else(|| state.sources.get(model).cloned());
        let Some(source) = known else {
            return Err(LoadError::NotLoaded {
                model: model.to_owned(),
            });
        };
        let flight = Arc::new(Flight::default());
        let (shared, name, landing) = (self.clone(), model.to_owned(), flight.clone());
        let thread = std::thread::Builder::new().name(String::from("zpin-load"));
        let spawned = thread.spawn(move || {
            // A panic is told like any other failure, so that nobody waits for it.
            let work = std::panic::AssertUnwindSafe(|| shared.load_now(&name, &source, &landing));
            let outcome = std::panic::catch_unwind(work).unwrap_or_else(|_| {
                Err(LoadError::Format {
                    model: name.clone(),
                    why: String::from(
                        "loading it panicked: report it with the log's lines around it",
                    ),
                })
            });
            let mut state = shared.lock();
            if outcome.is_err() {
                state.catalog.failed(&name);
                state.counts.failures += 1;
            }
            state.flights.remove(&name);
            drop(state);
            landing.land(outcome);
        });
        spawned.map_err(|error| LoadError::Format {
            model: model.to_owned(),
            why: format!("no thread could be started to load it: {error}; see RLIMIT_NPROC"),
        })?;
        state.flights.insert(model.to_owned(), flight.clone());
        self.start_looking(state);
        Ok(flight)
    }

    /// On the thread of the load.
    fn load_now(&self, model: &str, source: &Path, flight: &Flight) -> Result<(), LoadError> {
        let started = Instant::now();
        let mut is_begun = false;
        let loaded = loop {
            let plan = Plan::of(model, source, self.shard_bytes)?;
            let needed = plan.bytes();
            if !is_begun {
                let gone = self.lock().catalog.begin(model, needed, Instant::now());
                let gone = gone.map_err(|shortage| capacity(model, needed, shortage, None))?;
                self.let_go(gone);
                is_begun = true;
            }
            flight.progress.begin_anew();
            match plan.load(&flight.progress) {
                Ok(loaded) => break loaded,
                Err(NotLoaded::Other(error)) => return Err(error),
                // The bound of the host, of a cgroup or of /dev/shm: make room there as well.
                Err(NotLoaded::NoRoom(cause)) => {
                    let evicted = self.lock().catalog.evict();
                    let Some((_, kept)) = evicted else {
                        let shortage = self.lock().catalog.shortage();
                        let refused = capacity(model, needed, shortage, Some(cause));
                        return Err(refused.into());
                    };
                    self.let_go(vec![kept]);
                }
            }
        };
        let bytes = loaded.contents.manifest.bytes();
        let mut state = self.lock();
        state.counts.loads += 1;
        state.counts.read_bytes += bytes;
        state.sources.insert(model.to_owned(), source.to_owned());
        state
            .catalog
            .loaded(model, Arc::new(loaded), Instant::now());
        drop(state);
        tracing::info!(model, bytes, took = ?started.elapsed(), "model loaded");
        Ok(())
    }

    fn let_go(&self, gone: Vec<Arc<Loaded>>) {
        self.lock().counts.evictions += gone.len() as u64;
        drop(gone);
    }

    fn start_looking(self: &Arc<Self>, state: &mut State) {
        if state.has_thread {
            return;
        }
        let shared = Arc::downgrade(self);
        let thread = std::thread::Builder::new().name(String::from("zpin-models"));
        // Without it models stay; the next load tries again.
        state.has_thread = thread.spawn(move || look_after(&shared)).is_ok();
    }

    /// Gives up what has idled for its time.
    fn look(&self) {
        let pressure = HostUsage::now().map_or(Pressure::Low, |usage| usage.pressure);
        let mut state = self.lock();
        let expired = state.catalog.expired(Instant::now(), pressure);
        state.counts.expired += expired.len() as u64;
        state.own.retain(|_, held| held.strong_count() > 0);
        drop(state);
        for (model, kept) in expired {
            tracing::info!(
                model,
                ?pressure,
                "nobody has used the model for a while: it is given up"
            );
            drop(kept);
        }
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

    pub(crate) fn statistics(&self) -> RegistryStatistics {
        let state = self.lock();
        let now = Instant::now();
        let models = state.catalog.list(now).into_iter().map(|entry| {
            let flight = state.flights.get(&entry.model);
            let source = match state.catalog.find(&entry.model) {
                Found::Ready(loaded) => Some(loaded.source.to_path_buf()),
                _ => state.sources.get(&entry.model).cloned(),
            };
            ModelStatistics {
                state: match entry.phase {
                    ModelPhase::Loading => ModelState::Loading,
                    ModelPhase::Ready => ModelState::Ready,
                    ModelPhase::Leaving => ModelState::Leaving,
                },
                read_bytes: flight.map_or(entry.bytes, |flight| flight.progress.bytes().0),
                model: entry.model,
                bytes: entry.bytes,
                sessions: entry.sessions,
                leases: entry.leases,
                idle: entry.idle,
                source,
            }
        });
        let models: Vec<_> = models.collect();
        let known = state.sources.keys().cloned().collect();
        state
            .counts
            .shown(models, known, state.catalog.terms().max_bytes)
    }
}

fn look_after(shared: &Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let state = strong.lock();
        let waited = strong.changed.wait_timeout(state, LOOK_EVERY);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.is_ended {
            return;
        }
        drop(state);
        strong.look();
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

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade()
            && shared.made_here.holds()
        {
            let gone = shared.lock().catalog.release(self.lease, Instant::now());
            drop(gone);
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

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registry")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

fn check_name(model: &str) -> Result<(), LoadError> {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_one = matches!(model.len(), 1..=64) && model.bytes().all(may_be);
    match is_one && !model.starts_with('.') {
        true => Ok(()),
        false => Err(LoadError::Name {
            name: model.chars().take(80).collect(),
        }),
    }
}

fn check_source(model: &str, loaded: &Loaded, source: Option<&Path>) -> Result<(), LoadError> {
    match source {
        Some(source) if source != &*loaded.source => Err(LoadError::OtherSource {
            model: model.to_owned(),
            loaded_from: loaded.source.display().to_string(),
        }),
        _ => Ok(()),
    }
}

fn no_lease(model: &str, why: NoLease, catalog: &Catalog<Arc<Loaded>>) -> LoadError {
    match why {
        NoLease::NotLoaded => LoadError::NotLoaded {
            model: model.to_owned(),
        },
        NoLease::OverQuota {
            leased_bytes,
            needed_bytes,
        } => LoadError::OverQuota {
            model: model.to_owned(),
            needed_bytes,
            leased_bytes,
            quota_bytes: catalog.terms().session_bytes,
        },
    }
}

fn capacity(model: &str, needed: u64, shortage: Shortage, cause: Option<String>) -> CapacityError {
    let holders = shortage
        .holders
        .into_iter()
        .filter(|(held, ..)| held != model);
    let holders = holders.map(|(model, bytes, sessions)| Holder {
        model,
        bytes,
        sessions,
    });
    CapacityError {
        model: model.to_owned(),
        needed_bytes: needed,
        free_bytes: shortage.free_bytes,
        holders: holders.collect(),
        cause,
    }
}
