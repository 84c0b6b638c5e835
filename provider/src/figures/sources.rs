//! The pools and pinners of this process, which say their part of its figures.

use std::sync::{Mutex, Weak};

use super::{PathFigures, ProcessFigures, counting};
use crate::os::per_process::PerProcess;

/// A part of this process that has figures of its own.
pub(crate) trait HasFigures: Send + Sync {
    /// Adds them. Waits for nobody.
    fn add_figures(&self, figures: &mut ProcessFigures);
}

static SOURCES: PerProcess<Mutex<Vec<Weak<dyn HasFigures>>>> = PerProcess::new(Mutex::default);

/// Asks `source` from now on, for as long as it exists.
pub(crate) fn register(source: Weak<dyn HasFigures>) {
    SOURCES.lock().push(source);
}

/// Whether there is anybody to ask.
pub(crate) fn any_source() -> bool {
    SOURCES
        .lock()
        .iter()
        .any(|source| source.strong_count() > 0)
}

impl ProcessFigures {
    /// Those of this process at this moment; `None` where it has neither received a
    /// frame nor made a pool, or has no pool and no pinner any more.
    pub(crate) fn of_this_process() -> Option<Self> {
        let sources: Vec<_> = {
            let mut sources = SOURCES.lock();
            sources.retain(|source| source.strong_count() > 0);
            sources.iter().filter_map(Weak::upgrade).collect()
        };
        if sources.is_empty() {
            return None;
        }
        let mut figures = Self::default();
        counting::add_to(&mut figures);
        for source in &sources {
            source.add_figures(&mut figures);
        }
        let says_something = figures.frames != PathFigures::default() || !figures.pools.is_empty();
        says_something.then_some(figures)
    }
}
