//! One load of a model, on a thread of its own.

use std::{path::Path, sync::Arc, time::Instant};

use super::{
    flight::Flight,
    refusals::capacity,
    shared::{Shared, Source, State},
};
use crate::{
    error::LoadError,
    loading::{Loaded, NotLoaded, Plan},
};

impl Shared {
    pub(super) fn begin_flight(
        self: &Arc<Self>,
        state: &mut State,
        model: &str,
        source: Option<&Path>,
    ) -> Result<Arc<Flight>, LoadError> {
        let source = match (state.sources.get(model), source) {
            (Some(known), Some(source)) if known.is_named && known.path != source => {
                return Err(LoadError::OtherSource {
                    model: model.to_owned(),
                    loaded_from: known.path.display().to_string(),
                });
            }
            (_, Some(source)) => source.to_owned(),
            (Some(known), None) => known.path.clone(),
            (None, None) => {
                return Err(LoadError::NotLoaded {
                    model: model.to_owned(),
                });
            }
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
        let plan = Plan::of(model, source, self.shard_bytes)?;
        let needed = plan.bytes();
        let gone = self.lock().catalog.begin(model, needed, Instant::now());
        let gone = gone.map_err(|shortage| capacity(model, needed, shortage, None))?;
        self.let_go(gone);
        let loaded = loop {
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
        state
            .sources
            .entry(model.to_owned())
            .and_modify(|known| known.path = source.to_owned())
            .or_insert_with(|| Source {
                path: source.to_owned(),
                is_named: false,
            });
        let unwanted = state
            .catalog
            .loaded(model, Arc::new(loaded), Instant::now());
        drop(state);
        drop(unwanted);
        tracing::info!(model, bytes, took = ?started.elapsed(), "model loaded");
        Ok(())
    }

    fn let_go(&self, gone: Vec<Arc<Loaded>>) {
        self.lock().counts.evictions += gone.len() as u64;
        drop(gone);
    }
}
