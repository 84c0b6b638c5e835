//! Being asked to end by a signal, for programs that have something to put right before they do.
//!
//! Holds: the word that says so, which the handler sets, and whoever sleeps on it is woken. The handler does nothing else,
//! so it may run anywhere (signal-safety(7)). What was arranged for the signals before is arranged again at the end; what was
//! ignored, as by nohup, stays so.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::futex;

/// Relaxed throughout: a flag, and nothing is read because of it.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// From a keyboard, from whoever manages processes, and from a terminal that has gone.
const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// While it is there, these signals do not end the process by themselves.
pub struct Termination {
    before: Vec<(i32, libc::sigaction)>,
}

impl Termination {
    /// From now on SIGINT, SIGTERM and SIGHUP are only noted, except for those that are ignored. One at a time in a process.
    ///
    /// # Errors
    /// The kernel's; no known one has any.
    pub fn expect() -> io::Result<Self> {
        ASKED.store(0, Ordering::Relaxed);
        let mut termination = Self { before: Vec::new() };
        for signal in SIGNALS {
            if exchanged(signal, None)?.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            // SAFETY: zeroes are a value of this type: no flags, an empty mask.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = note as extern "C" fn(i32) as usize;
            action.sa_flags = libc::SA_RESTART;
            termination
                .before
                .push((signal, exchanged(signal, Some(&action))?));
        }
        Ok(termination)
    }

    /// Whether one has come.
    pub fn is_asked_for(&self) -> bool {
        ASKED.load(Ordering::Relaxed) != 0
    }

    /// Sleeps until one has come, but no longer than this; says whether one has.
    pub fn wait(&self, timeout: Duration) -> bool {
        if !self.is_asked_for() {
            futex::wait_any(&[(&ASKED, 0)], timeout);
        }
        self.is_asked_for()
    }
}

impl Drop for Termination {
    fn drop(&mut self) {
        for (signal, action) in &self.before {
            let _ = exchanged(*signal, Some(action));
        }
    }
}

/// What was arranged for the signal before this; without an action it stays.
fn exchanged(signal: i32, action: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let action = action.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both places live until the call returns; the handler is one of this module's or was installed before.
    match unsafe { libc::sigaction(signal, action, &raw mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn note(_signal: i32) {
    ASKED.store(1, Ordering::Relaxed);
    futex::wake_all(&ASKED);
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// A process has one arrangement for its signals.
    fn alone() -> MutexGuard<'static, ()> {
        static TEST: Mutex<()> = Mutex::new(());
        TEST.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn a_signal_that_is_ignored_stays_ignored() {
        let _alone = alone();
        // SAFETY: as in the module.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = libc::SIG_IGN;
        let at_first = exchanged(libc::SIGHUP, Some(&action)).unwrap();
        let termination = Termination::expect().unwrap();
        // SAFETY: a signal to this process, which ignores it.
        unsafe { libc::kill(libc::getpid(), libc::SIGHUP) };
        let during = exchanged(libc::SIGHUP, None).unwrap();
        let is_asked_for = termination.wait(Duration::from_millis(50));
        drop(termination);
        let after = exchanged(libc::SIGHUP, Some(&at_first)).unwrap();
        assert!(!is_asked_for);
        assert_eq!(during.sa_sigaction, libc::SIG_IGN);
        assert_eq!(after.sa_sigaction, libc::SIG_IGN);
    }

    #[test]
    fn a_signal_is_noted_while_it_is_expected_and_what_was_arranged_before_comes_back() {
        let _alone = alone();
        // A handler of an application's.
        extern "C" fn other(_signal: i32) {}
        // SAFETY: as in the module.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = other as extern "C" fn(i32) as usize;
        let at_first = exchanged(libc::SIGHUP, Some(&action)).unwrap();
        let termination = Termination::expect().unwrap();
        assert!(!termination.wait(Duration::from_millis(1)));
        let sleeper = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            // SAFETY: a signal to this process, which notes it.
            unsafe { libc::kill(libc::getpid(), libc::SIGHUP) };
        });
        assert!(termination.wait(Duration::from_secs(60)));
        sleeper.join().unwrap();
        drop(termination);
        let after = exchanged(libc::SIGHUP, Some(&at_first)).unwrap();
        assert_eq!(after.sa_sigaction, action.sa_sigaction);
    }
}
