//! Leases: who has which, and whether the bytes are still what was loaded.

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use zenoh_pinned::bindings::is_interrupted;

use super::{
    catalog::{Found, LeaseNumber, Session},
    flight::NotLanded,
    refusals::{check_name, check_source, no_lease},
    shared::Shared,
};
use crate::{
    error::LoadError,
    loading::{Loaded, Progress},
    weights::{Contents, Weights},
};

/// How often a waiting caller is asked whether he still waits.
const ASK_EVERY: Duration = Duration::from_millis(50);

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

impl Shared {
    /// The lease that this process has already.
    pub(super) fn held(
        &self,
        model: &str,
        source: Option<&Path>,
    ) -> Result<Option<Weights>, LoadError> {
        let mut state = self.lock();
        let Some(inner) = state.own.get(model).and_then(Weak::upgrade) else {
            return Ok(None);
        };
        state.counts.hits += 1;
        // Whoever is the last to let go of a lease needs the lock.
        drop(state);
        let held = Weights::of(inner);
        if let Some(source) = source {
            held.contents().check_source(source)?;
        }
        Ok(Some(held))
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
        let ask = |_: &Progress| is_interrupted();
        let leased = self.leased_unchecked(model, source, session, (until, ASK_EVERY), ask)?;
        if let Some(what) = leased.loaded.first_changed() {
            self.give_up_changed(model, &leased.loaded.contents);
            return Err(LoadError::Changed {
                model: model.to_owned(),
                what,
            });
        }
        Ok(leased)
    }

    /// As [`Shared::leased`], for a session that compares the bytes itself. While it waits it asks every so often whether it
    /// is to end.
    pub(crate) fn leased_unchecked(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        session: Session,
        (until, ask_every): (Instant, Duration),
        mut is_to_end: impl FnMut(&Progress) -> bool,
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
                    check_source(loaded, source)?;
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
            let landed = flight.wait(until, ask_every, || is_to_end(&flight.progress));
            landed.map_err(|why| match why {
                NotLanded::Failed(error) => error,
                NotLanded::Ended => LoadError::Interrupted {
                    model: model.to_owned(),
                },
                NotLanded::Late => LoadError::TimedOut {
                    model: model.to_owned(),
                    waited: started.elapsed(),
                },
            })?;
            state = self.lock();
        }
    }

    /// Somebody has found that the bytes are not what was loaded: if that is so, the model goes.
    pub(crate) fn check(&self, model: &str) -> bool {
        let loaded = match self.lock().catalog.find(model) {
            Found::Ready(loaded) => loaded.clone(),
            _ => return true,
        };
        let is_as_loaded = loaded.first_changed().is_none();
        if !is_as_loaded {
            self.give_up_changed(model, &loaded.contents);
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
