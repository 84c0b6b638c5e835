//! Threads of other processes, as `/proc` shows them.

use std::{fs, io, path::Path};

/// A thread, and how often it has gone to sleep of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadSleeps {
    pub(crate) thread: u32,
    /// `voluntary_ctxt_switches` of proc_pid_status(5): only grows, and stands still while the process is
    /// stopped, frozen, or not given a processor.
    pub(crate) sleeps: u64,
    /// Page faults, minor and major: each may have been a sleep.
    pub(crate) faults: u64,
}

/// The threads of process `pid` that have this name (at most 15 bytes, as the kernel keeps it).
///
/// # Errors
/// The process has ended, or something of it may not be read.
pub(crate) fn named(pid: u32, name: &str) -> io::Result<Vec<ThreadSleeps>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        match look_at(&task, name) {
            Ok(thread) => found.extend(thread),
            // It has ended between the listing and this.
            Err(error) if has_ended(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

fn look_at(task: &Path, name: &str) -> io::Result<Option<ThreadSleeps>> {
    if fs::read_to_string(task.join("comm"))?.trim_end() != name {
        return Ok(None);
    }
    let status = fs::read_to_string(task.join("status"))?;
    let stat = fs::read_to_string(task.join("stat"))?;
    match (parse_status(&status), parse_faults(&stat)) {
        (Some((thread, sleeps)), Some(faults)) => Ok(Some(ThreadSleeps {
            thread,
            sleeps,
            faults,
        })),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Thread and sleeps, out of a status file.
fn parse_status(status: &str) -> Option<(u32, u64)> {
    let field = |key: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
    };
    let sleeps = field("voluntary_ctxt_switches")?.parse().ok()?;
    Some((field("Pid")?.parse().ok()?, sleeps))
}

/// Minor and major faults, out of a stat file; see proc_pid_stat(5).
fn parse_faults(stat: &str) -> Option<u64> {
    // The name, in parentheses, may hold anything.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace().skip(7);
    let minor: u64 = fields.next()?.parse().ok()?;
    let major: u64 = fields.nth(1)?.parse().ok()?;
    Some(minor + major)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tWatchdog Confir\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t12\n\
                          voluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t3\n";

    #[test]
    fn a_status_tells_a_thread_and_its_sleeps_and_a_stat_its_faults() {
        assert_eq!(parse_status(STATUS), Some((12, 41)));
        assert_eq!(parse_status("Pid:\tx\nvoluntary_ctxt_switches:\t1\n"), None);
        let stat = "12 (a name) with) S 1 12 12 0 -1 4194368 100 7 20 9 0 0 0 0 20 0 1 0 5 6";
        assert_eq!(parse_faults(stat), Some(120));
        assert_eq!(parse_faults("12 (short) S 1"), None);
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
