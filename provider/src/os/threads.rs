//! Threads of other processes, as `/proc` shows them.

use std::{fs, io};

/// A thread, and how often it has gone to sleep of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadSleeps {
    pub(crate) thread: u32,
    /// `voluntary_ctxt_switches` of proc_pid_status(5): only grows, and stands still while the process is
    /// stopped, frozen, or not given a processor.
    pub(crate) sleeps: u64,
}

/// The threads of process `pid` that have this name (at most 15 bytes, as the kernel keeps it).
///
/// # Errors
/// The process has ended, or its directory may not be read.
pub(crate) fn named(pid: u32, name: &str) -> io::Result<Vec<ThreadSleeps>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        // A thread may end between the listing and these readings.
        let Ok(status) = fs::read_to_string(task.join("status")) else {
            continue;
        };
        found.extend(parse_status(&status, name));
    }
    Ok(found)
}

fn parse_status(status: &str, name: &str) -> Option<ThreadSleeps> {
    let field = |key: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
    };
    if field("Name")? != name {
        return None;
    }
    Some(ThreadSleeps {
        thread: field("Pid")?.parse().ok()?,
        sleeps: field("voluntary_ctxt_switches")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tWatchdog Confir\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t12\n\
                          voluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t3\n";

    #[test]
    fn a_status_tells_a_thread_and_its_sleeps() {
        let found = parse_status(STATUS, "Watchdog Confir");
        let expected = ThreadSleeps {
            thread: 12,
            sleeps: 41,
        };
        assert_eq!(found, Some(expected));
        assert_eq!(parse_status(STATUS, "Watchdog"), None);
        assert_eq!(
            parse_status("Name:\tWatchdog Confir\nPid:\tx\n", "Watchdog Confir"),
            None
        );
    }

    #[test]
    fn a_named_thread_is_found_and_its_sleeps_grow() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::Builder::new().name(String::from("zpin-test-sleep"));
        let thread = sleeper.spawn(move || {
            while stopped
                .recv_timeout(std::time::Duration::from_millis(1))
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
            }
        });
        let sleeps = || named(std::process::id(), "zpin-test-sleep").unwrap();
        let started = std::time::Instant::now();
        let mut first = sleeps();
        while first.is_empty() {
            first = sleeps();
        }
        while sleeps()[0].sleeps < first[0].sleeps + 4 {
            assert!(started.elapsed().as_secs() < 60, "stuck");
            std::thread::yield_now();
        }
        drop(stop);
        thread.unwrap().join().unwrap();
    }
}
