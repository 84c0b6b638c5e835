//! Files that look like this library's and are not: a label is nothing for what a stranger wrote, so they are only counted.

use serde_json::json;
use zenoh_pinned::bindings::observation::Observation;

use super::listed;
use crate::{Families, Figures};

pub(super) fn figures(observation: &Observation) -> Figures {
    let unreadable = &observation.unreadable;
    let mut families = Families::default();
    families
        .gauge(
            "zenoh_pinned_unreadable_files",
            "Files that look like this library's and say what cannot be; /api/unreadable names them.",
        )
        .add(&[], unreadable.len() as f64);
    let state = listed(unreadable)
        .iter()
        .map(|unreadable| json!({ "file": unreadable.file, "why": unreadable.why }));
    Figures::new(state.collect()).with(families)
}
