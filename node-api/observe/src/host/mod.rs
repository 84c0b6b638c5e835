//! The sources for what processes of this user show of themselves on this host: `host`, `pools`, `processes`, `queues`,
//! `unreadable`.
//!
//! Each is a pure function of an [`Observation`]; the five share one look, so that they say the same moment and cost once.
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
use zenoh_pinned::bindings::observation::{Identified, Observation, observe};

use crate::{Figures, LookError, Source};

/// How old a look may be that another of the five has taken: they are looked at right after each other.
const SAME: Duration = Duration::from_millis(250);

/// How many of a list the JSON has, the first ones: what others write cannot make it so large that nothing is shown. The
/// host's state says how many are left out.
const LISTED: usize = 150;

type FiguresOf = fn(&Observation) -> Figures;

const ALL: [(&str, FiguresOf); 5] = [
    ("host", summary::figures),
    ("pools", pools::figures),
    ("processes", processes::figures),
    ("queues", queues::figures),
    ("unreadable", unreadable::figures),
];

/// Sources for the pools, processes and queues of this user on this host, which are read without asking any of them.
///
/// ```
/// use zenoh_pinned_observe::Source as _;
///
/// let sources = zenoh_pinned_observe::host();
/// let names: Vec<_> = sources.iter().map(|source| source.name()).collect();
/// assert_eq!(names, ["host", "pools", "processes", "queues", "unreadable"]);
/// ```
pub fn host() -> Vec<Arc<dyn Source>> {
    sources_of(Box::new(observe))
}

type Observe = Box<dyn Fn() -> io::Result<Observation> + Send + Sync>;

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

/// One of the five.
struct Part {
    name: &'static str,
    figures: FiguresOf,
    shared: Arc<Shared>,
}

/// The look that they share.
struct Shared {
    observe: Observe,
    /// When it had been taken, and what it showed. Held while one is taken, so that it is taken once.
    latest: Mutex<Option<(Instant, Arc<Observation>)>>,
}

impl Source for Part {
    fn name(&self) -> &str {
        self.name
    }

    fn look(&self) -> Result<Figures, LookError> {
        Ok((self.figures)(&*self.shared.recent()?))
    }
}

impl Shared {
    fn recent(&self) -> Result<Arc<Observation>, LookError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((taken, observation)) = &*latest
            && taken.elapsed() < SAME
        {
            return Ok(Arc::clone(observation));
        }
        let observation = (self.observe)().map_err(|error| LookError::Unreadable {
            what: "what processes show in /dev/shm".into(),
            cause: error.to_string(),
            remedy: "this user needs to list it and to open a file; `zenoh-pinned doctor` says what is missing".into(),
        })?;
        let observation = Arc::new(observation);
        *latest = Some((Instant::now(), Arc::clone(&observation)));
        Ok(observation)
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
