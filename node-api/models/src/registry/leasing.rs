//! Leases: who has which, and whether the bytes are still what was loaded.

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use zenoh_pinned::bindings::is_interrupted;

use super::{
    catalog::{Found, LeaseNumber, Session},
    refusals::{check_name, check_source, no_lease},
    shared::Shared,
};
use crate::{
    error::LoadError,
    loading::Loaded,
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
