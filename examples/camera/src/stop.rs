//! A request to end early, from Ctrl-C, SIGTERM or the process that started this one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The request, as all who may make it or wait for it share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        let (requested, changed) = &*self.0;
        *requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Whether the end was requested.
    pub fn requested(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits this long, or until the end is requested; says whether it was.
    pub fn wait(&self, at_most: Duration) -> bool {
        let (requested, changed) = &*self.0;
        let guard = requested.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed
            .wait_timeout_while(guard, at_most, |requested| !*requested)
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }
}
