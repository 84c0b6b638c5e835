//! What one look has shown.

use zenoh_pinned::bindings::observation::{Observation, observe};
use zenoh_pinned_observe::{ObservedWorkers, observe_workers};

/// See the module.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) observation: Observation,
    /// Or why they cannot be seen, which is no fault of the rest.
    pub(super) workers: Result<ObservedWorkers, String>,
}

impl Seen {
    /// # Errors
    /// In words, with what to do.
    pub(super) fn now() -> Result<Self, String> {
        let observation = observe().map_err(|error| {
            format!(
                "what processes share cannot be read: {error}; zenoh-pinned doctor says what to do"
            )
        })?;
        let workers = observe_workers().map_err(|error| {
            format!("what supervisors show of their workers cannot be read: {error}")
        });
        Ok(Self {
            observation,
            workers,
        })
    }
}
