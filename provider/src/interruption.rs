//! Ending waits of a thread from outside, for bindings to languages that handle signals between their own
//! instructions: a wait here is one instruction to them.
//!
//! The question belongs to the waiting thread, so no call in between has to hand it on.
//!
//! Locks: none is held while the question is asked, which may run any code.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

/// How often a waiting thread asks.
const ASK_EVERY: Duration = Duration::from_millis(50);

thread_local! {
    static IS_WANTED: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// Does some work in which waits for a slot and for drained pools end early once `is_wanted` says so, which
/// they ask every 50 milliseconds, on this thread.
///
/// An allocation that was waiting fails with [`AllocError::Interrupted`](crate::AllocError::Interrupted); [`PinnedPool::drain`](crate::PinnedPool::drain)
/// says what is still held, as at its deadline. Nothing is sent and no slot is lost. For bindings; a program in
/// Rust handles signals on another thread, or waits in pieces.
pub fn interruptible<T>(is_wanted: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also when the work panics.
    struct Before(Option<Rc<dyn Fn() -> bool>>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            IS_WANTED.with(|is_wanted| is_wanted.replace(before));
        }
    }
    let _before = Before(IS_WANTED.replace(Some(Rc::new(is_wanted))));
    work()
}

/// Whether what waits on this thread is to end now; asks [`interruptible`]'s question each time. For waits that
/// bindings add themselves: ask every 50 milliseconds or so.
pub fn is_interrupted() -> bool {
    // A clone, so that nothing is borrowed while code of the application runs.
    let is_wanted = IS_WANTED.with_borrow(Clone::clone);
    is_wanted.is_some_and(|is_wanted| is_wanted())
}

/// Whether waits on this thread can be ended so: then they have to ask from time to time.
pub fn may_be_interrupted() -> bool {
    IS_WANTED.with_borrow(Option::is_some)
}

/// Asked by one wait, as often as it likes.
pub(crate) struct Interruption {
    ask_at: Cell<Instant>,
}

impl Interruption {
    pub(crate) fn of_this_wait() -> Self {
        Self {
            ask_at: Cell::new(Instant::now() + ASK_EVERY),
        }
    }

    /// Whether the wait is to end; asks no more often than [`ASK_EVERY`].
    pub(crate) fn is_wanted(&self) -> bool {
        let now = Instant::now();
        if now < self.ask_at.get() {
            return false;
        }
        self.ask_at.set(now + ASK_EVERY);
        is_interrupted()
    }
}
