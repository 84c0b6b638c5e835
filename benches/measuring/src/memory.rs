//! What memory processes have.

use std::io;

/// A process's part of the memory that it has, in bytes: what it shares is divided by those who share it; see proc(5).
///
/// # Errors
/// There is no such process, or it is another user's.
pub fn pss_of(pid: u32) -> io::Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes: Option<u64> = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok());
    let kibibytes = kibibytes.ok_or_else(|| io::Error::other("the kernel says no Pss"))?;
    Ok(kibibytes << 10)
}
