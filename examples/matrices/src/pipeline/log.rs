//! What has happened, in words, for the dashboard and whoever wants it as JSON; the newest thousand.
//!
//! The same goes to `tracing`, so that `RUST_LOG=info` shows it on the terminal.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde::Serialize;

const KEPT: usize = 1000;

/// One thing that has happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When, in seconds since the run began.
    pub at_seconds: f64,
    /// What.
    pub what: String,
    /// `info`, or `warning` for what was not meant to.
    pub level: &'static str,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Log {
    begun: Instant,
    events: Mutex<(VecDeque<Event>, u64)>,
}

impl Log {
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            begun,
            events: Mutex::default(),
        }
    }

    pub(super) fn info(&self, what: String) {
        tracing::info!("{what}");
        self.note(what, "info");
    }

    pub(super) fn warning(&self, what: String) {
        tracing::warn!("{what}");
        self.note(what, "warning");
    }

    fn note(&self, what: String, level: &'static str) {
        let at_seconds = self.begun.elapsed().as_secs_f64();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.0.push_back(Event {
            at_seconds,
            what,
            level,
        });
        if events.0.len() > KEPT {
            events.0.pop_front();
            events.1 += 1;
        }
    }

    /// The newest so many, the newest last, and how many there were before them.
    pub(super) fn newest(&self, most: usize) -> (Vec<Event>, u64) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = events.0.len().saturating_sub(most);
        let newest = events.0.iter().skip(left_out).cloned().collect();
        (newest, events.1 + left_out as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_others_counted() {
        let log = Log::new(Instant::now());
        (0..KEPT + 5).for_each(|number| log.info(number.to_string()));
        log.warning(String::from("last"));
        let (events, left_out) = log.newest(2);
        assert_eq!(left_out, KEPT as u64 + 4);
        let words: Vec<_> = events
            .iter()
            .map(|event| (&*event.what, event.level))
            .collect();
        assert_eq!(words, [("1004", "info"), ("last", "warning")]);
        assert_eq!(log.newest(usize::MAX).0.len(), KEPT);
    }
}
