//! Which models there are, who has leases on them, and which of them go: a table without effects. The time is an argument,
//! and what is kept for a model is the caller's.
//!
//! ```text
//!            begin          loaded                 unload, with leases
//!  (absent) ------> Loading ------> Ready ------------------------------> Leaving
//!     ^                | failed       | unload, expired or evicted          | the last lease ends
//!     +----------------+--------------+-------------------------------------+
//! ```
//!
//! Invariants:
//! - One load a model: who asks while it goes on waits for it.
//! - Nothing goes that has a lease. What is leaving takes no new one; asked for again, it is loaded anew beside.
//! - A session's leases never have more bytes than its quota, however many models they are of; several leases of one model
//!   in one session count once.
//! - What is loaded never has more bytes than the bound, what is still loading and leaving included.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use zenoh_pinned::Pressure;

/// Who has leases: a process.
pub(crate) type Session = u32;

/// A lease, while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LeaseNumber(u64);

/// What bounds the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Bytes of all models together.
    pub(crate) max_bytes: u64,
    /// Bytes that one session may have leases on.
    pub(crate) session_bytes: u64,
    /// How long a model stays after its last lease.
    pub(crate) time_to_live: Duration,
}

/// See the module. `Kept` is what a loaded model is kept by.
#[derive(Debug)]
pub(crate) struct Catalog<Kept> {
    terms: Terms,
    models: BTreeMap<String, Model<Kept>>,
    leaving: Vec<Leaving<Kept>>,
    leases: BTreeMap<LeaseNumber, (Session, String)>,
    next: u64,
}

#[derive(Debug)]
struct Model<Kept> {
    phase: Phase<Kept>,
    bytes: u64,
    leases: BTreeMap<LeaseNumber, Session>,
    last_used: Instant,
}

#[derive(Debug)]
enum Phase<Kept> {
    Loading,
    Ready(Kept),
}

#[derive(Debug)]
struct Leaving<Kept> {
    model: String,
    kept: Kept,
    bytes: u64,
    leases: BTreeMap<LeaseNumber, Session>,
}

/// What somebody finds who asks for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, Kept> {
    /// Nobody has loaded it: whoever asks now does, and then says [`Catalog::loaded`] or [`Catalog::failed`].
    Absent,
    /// Somebody is about to.
    Loading,
    Ready(&'a Kept),
}

/// Where a model is on its way, for whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelPhase {
    Loading,
    Ready,
    Leaving,
}

/// A model as [`Catalog::list`] tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) model: String,
    pub(crate) phase: ModelPhase,
    pub(crate) bytes: u64,
    pub(crate) sessions: BTreeSet<Session>,
    pub(crate) leases: usize,
    pub(crate) idle: Duration,
}

/// There is no room although everything without a lease has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    pub(crate) free_bytes: u64,
    /// What stays: model, bytes, and the sessions with leases on it.
    pub(crate) holders: Vec<(String, u64, BTreeSet<Session>)>,
}

/// Why no lease begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLease {
    NotLoaded,
    OverQuota {
        leased_bytes: u64,
        needed_bytes: u64,
    },
}

/// What became of a model that is to go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unloaded<Kept> {
    Gone(Kept),
    /// As soon as these leases have ended.
    Leaving(usize),
    NotLoaded,
}

impl<Kept> Catalog<Kept> {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            models: BTreeMap::new(),
            leaving: Vec::new(),
            leases: BTreeMap::new(),
            next: 1,
        }
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(crate) fn find(&self, model: &str) -> Found<'_, Kept> {
        match self.models.get(model).map(|model| &model.phase) {
            None => Found::Absent,
            Some(Phase::Loading) => Found::Loading,
            Some(Phase::Ready(kept)) => Found::Ready(kept),
        }
    }

    /// Whoever says this loads the model. What has to go for it is given back.
    pub(crate) fn begin(
        &mut self,
        model: &str,
        bytes: u64,
        now: Instant,
    ) -> Result<Vec<Kept>, Shortage> {
        let gone = self.make_room(bytes)?;
        let loading = Model {
            phase: Phase::Loading,
            bytes,
            leases: BTreeMap::new(),
            last_used: now,
        };
        self.models.insert(model.to_owned(), loading);
        Ok(gone)
    }

    /// The model is there. Given back where nobody wants it any more, as the catalog was cleared meanwhile.
    pub(crate) fn loaded(&mut self, model: &str, kept: Kept, now: Instant) -> Option<Kept> {
        let Some(model) = self.models.get_mut(model) else {
            return Some(kept);
        };
        model.phase = Phase::Ready(kept);
        model.last_used = now;
        None
    }

    /// It could not be loaded.
    pub(crate) fn failed(&mut self, model: &str) {
        let is_loading = |model: &Model<Kept>| matches!(model.phase, Phase::Loading);
        if self.models.get(model).is_some_and(is_loading) {
            self.models.remove(model);
        }
    }

    /// A lease on a model that is there begins.
    pub(crate) fn lease(
        &mut self,
        model: &str,
        session: Session,
        now: Instant,
    ) -> Result<LeaseNumber, NoLease> {
        let Some(Model {
            phase: Phase::Ready(_),
            bytes: needed_bytes,
            ..
        }) = self.models.get(model)
        else {
            return Err(NoLease::NotLoaded);
        };
        let (needed_bytes, leased_bytes) = (*needed_bytes, self.leased_bytes(session, model));
        if leased_bytes.saturating_add(needed_bytes) > self.terms.session_bytes {
            return Err(NoLease::OverQuota {
                leased_bytes,
                needed_bytes,
            });
        }
        let number = LeaseNumber(self.next);
        self.next += 1;
        self.leases.insert(number, (session, model.to_owned()));
        if let Some(model) = self.models.get_mut(model) {
            model.leases.insert(number, session);
            model.last_used = now;
        }
        Ok(number)
    }

    /// A lease ends. What goes with it is given back.
    pub(crate) fn release(&mut self, lease: LeaseNumber, now: Instant) -> Option<Kept> {
        let (_, model) = self.leases.remove(&lease)?;
        if let Some(model) = self.models.get_mut(&model)
            && model.leases.remove(&lease).is_some()
        {
            model.last_used = now;
            return None;
        }
        let at = self
            .leaving
            .iter_mut()
            .position(|leaving| leaving.leases.remove(&lease).is_some())?;
        let is_last = self.leaving[at].leases.is_empty();
        is_last.then(|| self.leaving.swap_remove(at).kept)
    }

    /// The model is to go: at once, or with its last lease.
    pub(crate) fn unload(&mut self, name: &str) -> Unloaded<Kept> {
        match self.models.remove(name) {
            Some(Model {
                phase: Phase::Ready(kept),
                bytes,
                leases,
                ..
            }) => {
                if leases.is_empty() {
                    return Unloaded::Gone(kept);
                }
                let count = leases.len();
                self.leaving.push(Leaving {
                    model: name.to_owned(),
                    kept,
                    bytes,
                    leases,
                });
                Unloaded::Leaving(count)
            }
            Some(loading) => {
                // Whoever loads it would otherwise load for nobody, and another beside him.
                self.models.insert(name.to_owned(), loading);
                Unloaded::NotLoaded
            }
            None => Unloaded::NotLoaded,
        }
    }

    /// What has had no lease for its time to live: half of that under high pressure, a quarter under critical one.
    pub(crate) fn expired(&mut self, now: Instant, pressure: Pressure) -> Vec<(String, Kept)> {
        let time_to_live = match pressure {
            Pressure::Critical => self.terms.time_to_live / 4,
            Pressure::High => self.terms.time_to_live / 2,
            _ => self.terms.time_to_live,
        };
        let is_due = |model: &Model<Kept>| {
            model.is_idle() && now.saturating_duration_since(model.last_used) >= time_to_live
        };
        let due = self.models.iter().filter(|(_, model)| is_due(model));
        let due: Vec<_> = due.map(|(name, _)| name.clone()).collect();
        let gone = due.into_iter().filter_map(|name| {
            let kept = self.models.remove(&name)?.kept()?;
            Some((name, kept))
        });
        gone.collect()
    }

    /// The model without a lease that was used least recently, where there is one.
    pub(crate) fn evict(&mut self) -> Option<(String, Kept)> {
        let idle = self.models.iter().filter(|(_, model)| model.is_idle());
        let (name, _) = idle.min_by_key(|(_, model)| model.last_used)?;
        let name = name.clone();
        let kept = self.models.remove(&name)?.kept()?;
        Some((name, kept))
    }

    /// Bytes of all that is here.
    pub(crate) fn bytes(&self) -> u64 {
        let models = self.models.values().map(|model| model.bytes);
        models
            .chain(self.leaving.iter().map(|leaving| leaving.bytes))
            .sum()
    }

    /// What is left where nothing else could go.
    pub(crate) fn shortage(&self) -> Shortage {
        let models = self.models.iter().map(|(name, model)| {
            let sessions = model.leases.values().copied().collect();
            (name.clone(), model.bytes, sessions)
        });
        let leaving = self.leaving.iter().map(|leaving| {
            let sessions = leaving.leases.values().copied().collect();
            (leaving.model.clone(), leaving.bytes, sessions)
        });
        Shortage {
            free_bytes: self.terms.max_bytes.saturating_sub(self.bytes()),
            holders: models.chain(leaving).collect(),
        }
    }

    /// All of it, for whoever looks.
    pub(crate) fn list(&self, now: Instant) -> Vec<Entry> {
        let models = self.models.iter().map(|(name, model)| Entry {
            model: name.clone(),
            phase: match model.phase {
                Phase::Loading => ModelPhase::Loading,
                Phase::Ready(_) => ModelPhase::Ready,
            },
            bytes: model.bytes,
            sessions: model.leases.values().copied().collect(),
            leases: model.leases.len(),
            idle: match model.is_idle() {
                true => now.saturating_duration_since(model.last_used),
                false => Duration::ZERO,
            },
        });
        let leaving = self.leaving.iter().map(|leaving| Entry {
            model: leaving.model.clone(),
            phase: ModelPhase::Leaving,
            bytes: leaving.bytes,
            sessions: leaving.leases.values().copied().collect(),
            leases: leaving.leases.len(),
            idle: Duration::ZERO,
        });
        models.chain(leaving).collect()
    }

    /// Takes all that is kept, at the end.
    pub(crate) fn clear(&mut self) -> Vec<Kept> {
        self.leases.clear();
        let models = std::mem::take(&mut self.models);
        let leaving = std::mem::take(&mut self.leaving);
        let models = models.into_values().filter_map(Model::kept);
        models
            .chain(leaving.into_iter().map(|leaving| leaving.kept))
            .collect()
    }

    fn make_room(&mut self, bytes: u64) -> Result<Vec<Kept>, Shortage> {
        let idle = self.models.values().filter(|model| model.is_idle());
        let idle: u64 = idle.map(|model| model.bytes).sum();
        let held = self.bytes().saturating_sub(idle);
        // Nothing goes for a model that does not fit all the same.
        if held.saturating_add(bytes) > self.terms.max_bytes {
            return Err(self.shortage());
        }
        let mut gone = Vec::new();
        while self.bytes().saturating_add(bytes) > self.terms.max_bytes
            && let Some((_, kept)) = self.evict()
        {
            gone.push(kept);
        }
        Ok(gone)
    }

    /// Bytes of the models that a session has leases on, but for this one.
    fn leased_bytes(&self, session: Session, except: &str) -> u64 {
        let models = self.models.iter().map(|(name, model)| {
            let is_counted = name != except && model.leases.values().any(|of| *of == session);
            if is_counted { model.bytes } else { 0 }
        });
        let leaving = self.leaving.iter().map(|leaving| {
            let is_counted = leaving.leases.values().any(|of| *of == session);
            if is_counted { leaving.bytes } else { 0 }
        });
        models.chain(leaving).sum()
    }
}

impl<Kept> Model<Kept> {
    fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Ready(_)) && self.leases.is_empty()
    }

    fn kept(self) -> Option<Kept> {
        match self.phase {
            Phase::Ready(kept) => Some(kept),
            Phase::Loading => None,
        }
    }
}

#[cfg(test)]
mod tests;
