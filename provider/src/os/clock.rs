//! A clock that is nearly free to read, for noting when something was last used.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the kernel's monotonic clock, which all processes of a host read alike.
pub fn nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

/// What the start times of processes are counted in: clock ticks since boot (proc_pid_stat(5)), time asleep included.
pub(crate) fn ticks_since_boot() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    let ticks = rustix::param::clock_ticks_per_second();
    seconds * ticks + nanoseconds * ticks / 1_000_000_000
}

/// Milliseconds of the kernel's coarse monotonic clock, which steps every few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::MonotonicCoarse);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let milliseconds = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
        Self(seconds.saturating_mul(1000).saturating_add(milliseconds))
    }

    /// The moment later by `time`.
    #[cfg(test)]
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0 + u64::try_from(time.as_millis()).unwrap())
    }

    /// The time from `earlier` to this moment.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// When something was last used, noted by whoever uses it.
#[derive(Debug)]
pub(crate) struct LastUse(AtomicU64);

impl LastUse {
    pub(crate) fn now() -> Self {
        Self(AtomicU64::new(Moment::now().0))
    }

    pub(crate) fn note(&self) {
        let now = Moment::now().0;
        // Relaxed: a time to compare with, which orders nothing. Within one step of the clock the word
        // is only read, so that users on several cores do not take its cache line from each other.
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::process::start_time;

    #[test]
    fn a_process_that_begins_now_has_begun_at_this_tick_or_the_next() {
        let before = ticks_since_boot();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let after = ticks_since_boot();
        let started = start_time(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            (before..=after).contains(&started),
            "{before} {started} {after}"
        );
    }
}
