//! Whether there is room for what a benchmark needs.

use std::fs;

/// For what zenoh and the pools keep beside the messages.
const BESIDE_BYTES: u64 = 4 << 20;

/// Nothing where `/dev/shm` has room for so many bytes and a little more, and the machine has the memory.
///
/// # Errors
/// What is missing.
pub fn for_shared_memory(bytes: u64) -> Result<(), String> {
    let state = rustix::fs::statvfs("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?;
    let free = state.f_bavail * state.f_frsize;
    if free < bytes + BESIDE_BYTES {
        return Err(format!(
            "it needs {bytes} bytes of /dev/shm, where {free} are free"
        ));
    }
    of_memory(bytes)
}

/// Nothing where the machine has free memory for twice as many bytes.
///
/// # Errors
/// What is missing.
pub fn of_memory(bytes: u64) -> Result<(), String> {
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
