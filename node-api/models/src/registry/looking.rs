//! What idles goes, and what there is for whoever looks.

use std::{
    sync::{Arc, PoisonError, Weak},
    time::{Duration, Instant},
};

use zenoh_pinned::{HostUsage, Pressure};

use super::{
    catalog::{Found, ModelPhase},
    shared::{Shared, State},
    statistics::{ModelState, ModelStatistics, RegistryStatistics},
};

/// How often what idles is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Shared {
    pub(super) fn start_looking(self: &Arc<Self>, state: &mut State) {
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

    pub(crate) fn statistics(&self) -> RegistryStatistics {
        let state = self.lock();
        let now = Instant::now();
        let models = state.catalog.list(now).into_iter().map(|entry| {
            let flight = state.flights.get(&entry.model);
            let source = match state.catalog.find(&entry.model) {
                Found::Ready(loaded) => Some(loaded.contents.source.to_path_buf()),
                _ => state
                    .sources
                    .get(&entry.model)
                    .map(|source| source.path.clone()),
            };
            ModelStatistics {
                state: match entry.phase {
                    ModelPhase::Loading => ModelState::Loading,
                    ModelPhase::Ready => ModelState::Ready,
                    ModelPhase::Leaving => ModelState::Leaving,
                },
                read_bytes: match (entry.phase, flight) {
                    (ModelPhase::Loading, Some(flight)) => flight.progress.bytes().0,
                    _ => entry.bytes,
                },
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
