//! The operating system: every system call of this crate goes through here. Linux only.

pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod locks;
pub(crate) mod mapping;

pub(crate) use rustix::io::Errno;

/// Microseconds since 1970. Read from the page that the kernel shares with every process, so not a system call.
#[inline]
pub(crate) fn microseconds_since_epoch() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// Whether a process with this number is there.
pub(crate) fn process_exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return false;
    };
    rustix::process::test_kill_process(pid) != Err(Errno::SRCH)
}
