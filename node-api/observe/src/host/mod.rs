//! The sources for what processes of this user show of themselves on this host: `host`, `pools`, `workers`, `processes`,
//! `queues`, `unreadable`.
//!
//! Each is a pure function of what was [`Seen`]; the six share one look, so that they say the same moment and cost once.
//! The JSON is what the page reads; a field is added, never renamed.
//!
//! Labels: `pid` and `process` name a process; series end with it. A name that a process gives (pool, key) is cut at
//! [`LABEL_BYTES`](crate::LABEL_BYTES).

mod pools;
mod processes;
mod queues;
mod summary;
mod unreadable;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zenoh_pinned::bindings::{
    line::Peer,
    observation::{Identified, Observation, observe},
};

use crate::{
    Figures, LookError, Source,
    workers::{self, ObservedWorkers, observe_workers},
};

/// How old a look may be that another of the six has taken: they are looked at right after each other.
const SAME: Duration = Duration::from_millis(250);

/// How many of a list the JSON has, the first ones: what others write cannot make it so large that nothing is shown. The
/// host's state says how many are left out.
const LISTED: usize = 150;

type FiguresOf = fn(&Seen) -> Result<Figures, LookError>;

const ALL: [(&str, FiguresOf); 6] = [
    ("host", |seen| Ok(summary::figures(seen))),
    ("pools", |seen| Ok(pools::figures(&seen.observation))),
    ("workers", of_workers),
    ("processes", |seen| {
        Ok(processes::figures(&seen.observation))
    }),
    ("queues", |seen| Ok(queues::figures(&seen.observation))),
    ("unreadable", |seen| Ok(unreadable::figures(seen))),
];

/// What one look has shown.
#[derive(Debug)]
pub(crate) struct Seen {
    observation: Observation,
    /// Read by itself: what is wrong with it is no fault of the others.
    workers: io::Result<ObservedWorkers>,
}

impl Seen {
    fn now() -> io::Result<Self> {
        Ok(Self {
            observation: observe()?,
            workers: observe_workers(),
        })
    }

    /// What the kernel calls a process, as far as it shows itself.
    fn name_of(&self, peer: Peer) -> String {
        let mut processes = self
            .observation
            .processes
            .iter()
            .map(|shown| &shown.process);
        let found =
            processes.find(|process| (process.pid, process.started) == (peer.pid, peer.started));
        found
            .map(|process| process.name.clone())
            .unwrap_or_default()
    }
}

fn of_workers(seen: &Seen) -> Result<Figures, LookError> {
    match &seen.workers {
        Ok(workers) => Ok(workers::figures(workers, LISTED, &|peer| seen.name_of(peer))),
        Err(error) => Err(LookError::Unreadable {
            what: "what supervisors show of their workers".into(),
            cause: error.to_string(),
            remedy: "see who has /dev/shm/zenoh-pinned-workers-USER; whoever may remove it lets supervisors make it anew".into(),
        }),
    }
}

/// Sources for the pools, workers, processes and queues of this user on this host, which are read without asking any of
/// them.
///
/// ```
/// use zenoh_pinned_observe::Source as _;
///
/// let sources = zenoh_pinned_observe::host();
/// let names: Vec<_> = sources.iter().map(|source| source.name()).collect();
/// assert_eq!(names, ["host", "pools", "workers", "processes", "queues", "unreadable"]);
/// ```
pub fn host() -> Vec<Arc<dyn Source>> {
    sources_of(Box::new(Seen::now))
}

type Observe = Box<dyn Fn() -> io::Result<Seen> + Send + Sync>;

pub(crate) fn sources_of(observe: Observe) -> Vec<Arc<dyn Source>> {
    let shared = Arc::new(Shared {
        observe,
        latest: Mutex::default(),
    });
    let source = |(name, figures)| -> Arc<dyn Source> {
        Arc::new(Part {
            name,
            figures,
            shared: Arc::clone(&shared),
        })
    };
    ALL.map(source).into()
}

/// One of the six.
struct Part {
    name: &'static str,
    figures: FiguresOf,
    shared: Arc<Shared>,
}

/// The look that they share.
struct Shared {
    observe: Observe,
    /// When it had been taken, and what it showed. Held while one is taken, so that it is taken once.
    latest: Mutex<Option<(Instant, Arc<Seen>)>>,
}

impl Source for Part {
    fn name(&self) -> &str {
        self.name
    }

    fn look(&self) -> Result<Figures, LookError> {
        (self.figures)(&*self.shared.recent()?)
    }
}

impl Shared {
    fn recent(&self) -> Result<Arc<Seen>, LookError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((taken, seen)) = &*latest
            && taken.elapsed() < SAME
        {
            return Ok(Arc::clone(seen));
        }
        let seen = (self.observe)().map_err(|error| LookError::Unreadable {
            what: "what processes show in /dev/shm".into(),
            cause: error.to_string(),
            remedy: "this user needs to list it and to open a file; `zenoh-pinned doctor` says what is missing".into(),
        })?;
        let seen = Arc::new(seen);
        *latest = Some((Instant::now(), Arc::clone(&seen)));
        Ok(seen)
    }
}

/// What the JSON has of a list.
fn listed<T>(all: &[T]) -> &[T] {
    &all[..all.len().min(LISTED)]
}

/// How many entries of a list it has not.
fn left_out<T>(all: &[T]) -> usize {
    all.len() - listed(all).len()
}

fn identified(process: &Identified) -> Value {
    json!({ "pid": process.pid, "name": process.name, "lives": process.lives })
}

#[cfg(test)]
mod tests;
