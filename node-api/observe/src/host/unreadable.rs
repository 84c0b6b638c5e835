//! Files that look like this library's and are not: a label is nothing for what a stranger wrote, so they are only counted.

use serde_json::json;

use super::{Seen, listed};
use crate::{Families, Figures};

pub(super) fn figures(seen: &Seen) -> Figures {
    let files = files(seen);
    let mut families = Families::default();
    families
        .gauge(
            "zenoh_pinned_unreadable_files",
            "Files that look like this library's and say what cannot be; /api/unreadable names them.",
        )
        .add(&[], files.len() as f64);
    let state = listed(&files)
        .iter()
        .map(|(file, why)| json!({ "file": file, "why": why }));
    Figures::new(state.collect()).with(families)
}

/// Each with what does not fit.
pub(super) fn files(seen: &Seen) -> Vec<(&str, &'static str)> {
    let unreadable = seen.observation.unreadable.iter();
    let of_memory = unreadable.map(|unreadable| (&*unreadable.file, unreadable.why));
    let workers = seen.workers.iter().flat_map(|workers| &workers.unreadable);
    let of_workers = workers.map(|unreadable| (&*unreadable.file, unreadable.why));
    of_memory.chain(of_workers).collect()
}
