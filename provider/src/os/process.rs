//! What a process is named by, whether there is one, and which of them this one sees.

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use super::proc;

/// Start time of process `pid` in clock ticks since boot. Pid and start time together name one process.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    start_time_in(&proc::read(pid, "stat").ok()?)
}

/// The start time in what `/proc/<pid>/stat` says; see proc_pid_stat(5).
pub fn start_time_in(stat: &[u8]) -> Option<u64> {
    // The name, in parentheses, may hold any bytes; the fields after it are counted from its end.
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let after_name = std::str::from_utf8(&stat[name_ends + 1..]).ok()?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether there is a process `pid`, also where its `/proc` directory is hidden from this user.
pub(crate) fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Whether this process sees every process of the machine: it is in the kernel's first pid namespace.
pub(crate) fn sees_every_process() -> bool {
    // PROC_PID_INIT_INO of linux/proc_ns.h.
    const INITIAL: &str = "pid:[4026531836]";
    proc::own_link("ns/pid").is_ok_and(|namespace| namespace.as_os_str() == INITIAL)
}

/// The name that process `pid` goes by, which may have any bytes, for people.
pub(crate) fn name_of(pid: u32) -> Option<String> {
    let name = proc::read(pid, "comm").ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_any_name_has_a_start_time() {
        let rest = b" S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in [&b"cat"[..], b") R 1 (", b"\xff\xfe", b"\n"] {
            let stat = [&b"9 ("[..], name, b")", rest].concat();
            assert_eq!(start_time_in(&stat), Some(4711), "{name:?}");
        }
    }

    #[test]
    fn this_process_has_a_start_time() {
        assert!(start_time(std::process::id()).unwrap() > 0);
        assert_eq!(start_time(u32::MAX), None);
        assert!(exists(std::process::id()) && !exists(u32::MAX) && !exists(0));
    }
}
