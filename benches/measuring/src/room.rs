//! Whether there is room for what a benchmark needs.

use std::fs;

use crate::{Error, record::Record};

/// For what zenoh and the pools keep beside the messages.
const BESIDE_BYTES: u64 = 4 << 20;

/// Whether there is room as [`for_shared_memory`] says; where there is not, `what` is left out.
pub(crate) fn is_there(record: &mut Record, what: &str, bytes: usize) -> Result<bool, Error> {
    match for_shared_memory(bytes as u64) {
        Ok(()) => Ok(true),
        Err(why) => record.leave_out(what, why).map(|()| false),
    }
}

/// Nothing where `/dev/shm` has room for so many bytes and a little more, and the machine has the memory; else why
/// not.
pub(crate) fn for_shared_memory(bytes: u64) -> Result<(), String> {
    let state = rustix::fs::statvfs("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?;
    let free = state.f_bavail * state.f_frsize;
    if free < bytes + BESIDE_BYTES {
        return Err(format!(
            "it needs {bytes} bytes of /dev/shm, where {free} are free"
        ));
    }
    of_memory(bytes)
}

/// Nothing where the machine has free memory for twice as many bytes; else why not.
pub(crate) fn of_memory(bytes: u64) -> Result<(), String> {
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
