//! Being asked to end: by Ctrl-C, once in order and a second time at once, or because going on makes no sense.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The wish, as all share it who have it or follow it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<Wish>, Condvar)>);

/// How urgent it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    #[default]
    None,
    /// Begin nothing more, and finish what has begun.
    End,
    /// Finish nothing more, for this reason.
    GiveUp(String),
}

impl Stop {
    /// Has everything finished that has begun.
    pub fn end(&self) {
        self.wish(Wish::End);
    }

    /// Has nothing finished any more. The first reason counts.
    pub fn give_up(&self, why: impl Into<String>) {
        self.wish(Wish::GiveUp(why.into()));
    }

    fn wish(&self, wish: Wish) {
        let (now, changed) = &*self.0;
        let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*now, Wish::GiveUp(_)) {
            *now = wish;
        }
        changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Wish> {
        // Whole between any two statements.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wished now.
    pub fn now(&self) -> Wish {
        self.lock().clone()
    }

    /// Whether anything is.
    pub fn is_wished(&self) -> bool {
        *self.lock() != Wish::None
    }

    /// Whether nothing is to be finished.
    pub fn gives_up(&self) -> bool {
        matches!(*self.lock(), Wish::GiveUp(_))
    }

    /// Waits this long, or until nothing is to be finished.
    pub fn wait(&self, at_most: Duration) {
        let goes_on = |wish: &mut Wish| !matches!(wish, Wish::GiveUp(_));
        let waited = self.0.1.wait_timeout_while(self.lock(), at_most, goes_on);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_up_outranks_ending_and_keeps_its_first_reason() {
        let stop = Stop::default();
        assert!(!stop.is_wished());
        stop.end();
        assert!(stop.is_wished() && !stop.gives_up());
        stop.give_up("the disk is full");
        stop.give_up("another reason");
        stop.end();
        assert_eq!(stop.now(), Wish::GiveUp("the disk is full".into()));
        stop.wait(Duration::MAX);
    }
}
