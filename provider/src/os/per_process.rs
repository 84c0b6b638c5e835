//! What a forked child must not take for its own: values ([`MadeHere`]) and statics ([`PerProcess`]).
//!
//! A child has a copy of its parent's memory as it was at one moment, and of its threads only the one that forked: a
//! lock that another thread held then is never released in the child. So a child does not touch its parent's value, not
//! even to drop it.
//!
//! Asking costs no system call (`fork`), so it is done at every allocation and every message.

use std::{
    ops::Deref,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicPtr, Ordering},
    },
};

use super::{fork, mutex};

/// The process that something was made in.
///
/// A forked child has copies of everything, but references, locks and contexts are shared with its parent
/// or not there at all: what was made before the fork is not the child's to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeHere {
    mark: fork::Mark,
}

impl MadeHere {
    /// This process.
    #[inline]
    pub fn now() -> Self {
        Self { mark: fork::mark() }
    }

    /// Whether this is still that process.
    #[inline]
    pub fn holds(self) -> bool {
        self.mark == fork::mark()
    }

    /// Its pid.
    pub fn process(self) -> u32 {
        // The mark's low half.
        self.mark as u32
    }
}

/// A static with a value of its own in each process, made at its first use there and never dropped.
#[derive(Debug)]
pub struct PerProcess<T: 'static> {
    /// What was made last, here or in the process that this one was forked from; null at first.
    made: AtomicPtr<Made<T>>,
    make: fn() -> T,
}

#[derive(Debug)]
struct Made<T> {
    made_here: MadeHere,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    /// With a value that `make` makes in each process that wants one.
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            made: AtomicPtr::new(std::ptr::null_mut()),
            make,
        }
    }

    /// This process's value, if it has been made.
    fn here(&self) -> Result<&'static T, *mut Made<T>> {
        // Acquire: the value was written before the pointer was stored.
        let found = self.made.load(Ordering::Acquire);
        // SAFETY: null, or from `Box::into_raw` below, and never freed once it was stored.
        match unsafe { found.as_ref() } {
            Some(made) if made.made_here.holds() => Ok(&made.value),
            _ => Err(found),
        }
    }

    /// This process's value, which is made where it has none.
    pub(crate) fn of_this_process(&self) -> &'static T {
        self.here().unwrap_or_else(|found| self.make_here(found))
    }

    pub(crate) fn is_made_here(&self) -> bool {
        self.here().is_ok()
    }

    /// Whether a process that this one was forked from has made its value, and this one has not.
    pub(crate) fn is_inherited(&self) -> bool {
        self.here().is_err_and(|found| !found.is_null())
    }

    fn make_here(&self, mut found: *mut Made<T>) -> &'static T {
        let own = Box::into_raw(Box::new(Made {
            made_here: MadeHere::now(),
            value: (self.make)(),
        }));
        loop {
            // Release: whoever loads the pointer sees the value. Acquire where another thread was quicker.
            let stored =
                self.made
                    .compare_exchange(found, own, Ordering::Release, Ordering::Acquire);
            match (stored, self.here()) {
                // SAFETY: stored just now, and never freed.
                (Ok(_), _) => return unsafe { &(*own).value },
                (Err(_), Ok(value)) => {
                    // SAFETY: made above and stored nowhere.
                    drop(unsafe { Box::from_raw(own) });
                    return value;
                }
                (Err(now), Err(_)) => found = now,
            }
        }
    }
}

impl<T: Send> PerProcess<Mutex<T>> {
    /// This process's value, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'static, T> {
        mutex::lock(self.of_this_process())
    }
}

impl<T: Send + Sync> Deref for PerProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.of_this_process()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// Runs `work` in a forked child, and says whether it was true.
    fn in_child(work: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child asks for its mark, which takes no lock, and ends without handlers or destructors.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(i32::from(!work()));
            }
            let mut status = -1;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            status == 0
        }
    }

    #[test]
    fn what_was_made_before_a_fork_is_neither_the_childs_nor_its_childs() {
        let here = MadeHere::now();
        assert!(in_child(|| {
            let of_child = MadeHere::now();
            let is_childs = of_child.holds() && !here.holds() && of_child != here;
            is_childs && in_child(|| !here.holds() && !of_child.holds() && MadeHere::now().holds())
        }));
        // Nobody has asked there before its own child does.
        assert!(in_child(|| in_child(|| !here.holds())));
        assert!(here.holds() && here == MadeHere::now());
        assert_eq!(here.process(), std::process::id());
    }

    #[test]
    fn all_threads_that_come_first_have_one_value() {
        static NUMBER: PerProcess<Mutex<u32>> = PerProcess::new(Mutex::default);
        let together = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    *NUMBER.lock() += 1;
                });
            }
        });
        assert_eq!(*NUMBER.lock(), 4);
    }
}
