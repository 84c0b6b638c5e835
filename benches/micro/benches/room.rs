//! Whether there is room for what a benchmark needs.

use std::fs;

/// Nothing where `/dev/shm` has room for so many bytes, and the machine free memory for twice as many; else why
/// not.
pub(crate) fn for_shared_memory(bytes: u64) -> Result<(), String> {
    let state = rustix::fs::statvfs("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?;
    let free = state.f_bavail * state.f_frsize;
    if free < bytes {
        return Err(format!(
            "it needs {bytes} bytes of /dev/shm, where {free} are free"
        ));
    }
    match available_memory() {
        Some(available) if available < 2 * bytes => Err(format!(
            "it needs {bytes} bytes of shared memory, and {available} bytes of memory are available"
        )),
        _ => Ok(()),
    }
}

fn available_memory() -> Option<u64> {
    let information = fs::read_to_string("/proc/meminfo").ok()?;
    let line = information
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes << 10)
}
