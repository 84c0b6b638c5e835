//! Threads of other processes, as `/proc` shows them.

use std::io;

use super::proc::{self, Look, Unseen};

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
pub(crate) fn named(pid: u32, name: &str) -> Look<Vec<ThreadSleeps>> {
    let mut found = Vec::new();
    for thread in proc::numbered(pid, "task")? {
        match look_at(pid, thread, name) {
            // It has ended between the listing and this.
            Err(Unseen::Ended) => {}
            seen => found.extend(seen?),
        }
    }
    Ok(found)
}

fn look_at(pid: u32, thread: u32, name: &str) -> Look<Option<ThreadSleeps>> {
    let read = |file| proc::read(pid, &format!("task/{thread}/{file}"));
    // Any bytes: the kernel cuts a name after 15 of them, also in the middle of a character.
    let comm = read("comm")?;
    if comm.strip_suffix(b"\n").unwrap_or(&comm) != name.as_bytes() {
        return Ok(None);
    }
    let sleeps = parse_sleeps(&read("status")?);
    let faults = parse_faults(&String::from_utf8_lossy(&read("stat")?));
    match (sleeps, faults) {
        (Some(sleeps), Some(faults)) => Ok(Some(ThreadSleeps {
            thread,
            sleeps,
            faults,
        })),
        _ => Err(Unseen::Failed(io::ErrorKind::InvalidData.into())),
    }
}

/// Sleeps, out of a status file.
fn parse_sleeps(status: &[u8]) -> Option<u64> {
    proc::field_in(status, "voluntary_ctxt_switches")?
        .parse()
        .ok()
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
    use std::{fs, path::Path};

    use super::*;

    const STATUS: &str = "Name:\tWatchdog Confir\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t12\n\
                          voluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t3\n";

    #[test]
    fn a_status_tells_the_sleeps_of_a_thread_and_a_stat_its_faults() {
        assert_eq!(parse_sleeps(STATUS.as_bytes()), Some(41));
        assert_eq!(parse_sleeps(b"voluntary_ctxt_switches:\tx\n"), None);
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

    #[test]
    fn a_thread_whose_name_is_cut_within_a_character_hides_no_other_one() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        // Eight characters of two bytes each: the fifteenth byte is the first half of the last one.
        let cut = std::thread::Builder::new().name("\u{e4}".repeat(8));
        let thread = cut.spawn(move || {
            // SAFETY: names the calling thread, with a string that ends in a zero.
            unsafe {
                libc::prctl(
                    libc::PR_SET_NAME,
                    c"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3".as_ptr(),
                )
            };
            let _ = stopped.recv();
        });
        let comm = |task: &Path| fs::read(task.join("comm")).unwrap_or_default();
        let tasks = || {
            fs::read_dir("/proc/self/task")
                .unwrap()
                .flatten()
                .map(|task| task.path())
        };
        let started = std::time::Instant::now();
        while !tasks().any(|task| String::from_utf8(comm(&task)).is_err()) {
            assert!(started.elapsed().as_secs() < 60, "it has no such name");
            std::thread::yield_now();
        }
        let own_name = fs::read_to_string("/proc/thread-self/comm").unwrap();
        let own_name = own_name.trim_end();
        assert!(!named(std::process::id(), own_name).unwrap().is_empty());
        drop(stop);
        thread.unwrap().join().unwrap();
    }
}
