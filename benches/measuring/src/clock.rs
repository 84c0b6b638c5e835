//! The clock that all processes of a host share, and the CPU time of processes. All in nanoseconds.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC.
pub fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// From one time to a later one; nothing where the second is earlier.
pub fn between(begin: u64, end: u64) -> Duration {
    Duration::from_nanos(end.saturating_sub(begin))
}

/// CPU time that this process has used.
pub fn cpu_of_this_process() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// CPU time that process `pid` has used, to the kernel's tick of usually 10 ms.
pub fn cpu_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 1_000_000_000 / rustix::param::clock_ticks_per_second())
}

pub fn sleep_until(nanoseconds: u64) {
    std::thread::sleep(Duration::from_nanos(nanoseconds.saturating_sub(now())));
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
