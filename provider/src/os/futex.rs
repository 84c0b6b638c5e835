//! Waiting on 32-bit words in shared memory.

use std::{
    num::NonZeroU64,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};

use rustix::{
    fs::Timespec,
    io::Errno,
    thread::{ClockId, futex},
};

/// Sleeps until one of `words` is woken or no longer has the value beside it, `timeout` passes, or a
/// signal arrives. It does not tell which: the caller looks again at what it waits for.
pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], timeout: Duration) {
    let Some(&(first, expected)) = words.first() else {
        std::thread::sleep(timeout);
        return;
    };
    if words.len() > 1 && wait_all_kernels_permitting(words, timeout) {
        return;
    }
    // One word of several where futex_waitv is missing (Linux before 5.16): the caller's timeout
    // bounds how late a release of another one is seen.
    let timeout = timespec(timeout);
    let _ = futex::wait(first, futex::Flags::empty(), expected, Some(&timeout));
}

fn wait_all_kernels_permitting(words: &[(&AtomicU32, u32)], timeout: Duration) -> bool {
    let waiters: Vec<futex::Wait> = words
        .iter()
        .take(128) // FUTEX_WAITV_MAX
        .map(|(word, expected)| {
            let mut wait = futex::Wait::new();
            wait.val = u64::from(*expected);
            wait.uaddr = futex::WaitPtr::new(word.as_ptr().cast());
            wait.flags = futex::WaitFlags::SIZE_U32;
            wait
        })
        .collect();
    // futex_waitv takes an absolute time, unlike futex_wait.
    let deadline = absolute(Instant::now() + timeout);
    let result = futex::waitv(
        &waiters,
        futex::WaitvFlags::empty(),
        deadline.as_ref(),
        ClockId::Monotonic,
    );
    // Anything else says that the call is not to be had here: NOSYS, or PERM from a sandbox.
    matches!(
        result,
        Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT)
    )
}

/// Wakes every waiter of `word`, in this process and others.
pub(crate) fn wake_all(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

fn absolute(at: Instant) -> Option<Timespec> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let ahead = at.saturating_duration_since(Instant::now());
    let nanoseconds = now.tv_nsec + i64::from(ahead.subsec_nanos());
    Some(Timespec {
        tv_sec: now
            .tv_sec
            .checked_add(i64::try_from(ahead.as_secs()).ok()?)?
            .checked_add(nanoseconds / 1_000_000_000)?,
        tv_nsec: nanoseconds % 1_000_000_000,
    })
}

/// Lets timeouts of this thread end when they should: by default the kernel may end them 50 microseconds
/// late. The thread's own setting comes back when this is dropped.
pub(crate) struct PreciseTimers {
    before: Option<u64>,
}

impl PreciseTimers {
    pub(crate) fn for_this_thread() -> Self {
        let before = rustix::thread::current_timer_slack().ok();
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        Self { before }
    }
}

impl Drop for PreciseTimers {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(before));
        }
    }
}
