//! What `/proc` shows: the one place of this crate that looks there.
//!
//! A look at another process has three outcomes ([`Look`]): what it shows, [`Unseen::Ended`], [`Unseen::Failed`]. Only
//! the kernel's word that there is no such process says that one has ended: ENOENT before a file is opened, ESRCH
//! after. A look that fails for want of a descriptor, of memory or of a right says nothing about the process.
//!
//! What is read is bytes: names of processes and of files may be any, and one that is not UTF-8 must hide nothing.

use std::{
    fs::{self, File},
    io,
    os::fd::RawFd,
    path::PathBuf,
};

/// Why a look at a process shows nothing.
#[derive(Debug)]
pub enum Unseen {
    /// There is no such process, or what was looked for in it has gone.
    Ended,
    /// It could not be looked at.
    Failed(io::Error),
}

/// What a look at a process shows.
pub type Look<T> = Result<T, Unseen>;

impl From<io::Error> for Unseen {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Self::Ended,
            _ => Self::Failed(error),
        }
    }
}

/// The path of a file, given from `/proc` on.
pub(crate) fn path(file: &str) -> String {
    format!("/proc/{file}")
}

/// Opens a file, given from `/proc` on.
pub(crate) fn open(file: &str) -> io::Result<File> {
    File::open(path(file))
}

/// What a file about this process says.
pub(crate) fn own(file: &str) -> io::Result<Vec<u8>> {
    fs::read(path(&format!("self/{file}")))
}

/// Where a link about this process leads.
pub(crate) fn own_link(file: &str) -> io::Result<PathBuf> {
    fs::read_link(path(&format!("self/{file}")))
}

/// Where a link about process `pid` leads.
pub(crate) fn link(pid: u32, file: &str) -> Look<PathBuf> {
    Ok(fs::read_link(path(&format!("{pid}/{file}")))?)
}

/// The path by which this process finds an open file again, also one without a name.
pub(crate) fn path_of_descriptor(descriptor: RawFd) -> String {
    path(&format!("self/fd/{descriptor}"))
}

/// What this process has open.
pub(crate) fn own_descriptors() -> io::Result<Vec<RawFd>> {
    numbers_in("self/fd")
}

/// What a file about process `pid` says.
pub(crate) fn read(pid: u32, file: &str) -> Look<Vec<u8>> {
    Ok(fs::read(path(&format!("{pid}/{file}")))?)
}

/// The numbers in a folder about process `pid`: of its threads, or of its descriptors.
pub(crate) fn numbered(pid: u32, folder: &str) -> Look<Vec<u32>> {
    Ok(numbers_in(&format!("{pid}/{folder}"))?)
}

/// The processes of this pid namespace that this user sees.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is left.
pub fn processes() -> io::Result<Vec<u32>> {
    numbers_in("")
}

/// The environment that process `pid` was started with: variables that each end in a zero.
///
/// # Errors
/// See [`Unseen`]; another user's process does not show it.
pub fn environment_of(pid: u32) -> Look<Vec<u8>> {
    read(pid, "environ")
}

/// Memory of process `pid`'s own in bytes: resident, and of no file and no other process.
///
/// # Errors
/// See [`Unseen`].
pub fn own_memory_of(pid: u32) -> Look<u64> {
    let bytes = bytes_in(&read(pid, "status")?, "RssAnon");
    bytes.ok_or_else(|| Unseen::Failed(io::ErrorKind::InvalidData.into()))
}

/// The numbers among the names in a folder: what has another name is no process, thread or descriptor.
fn numbers_in<Number: std::str::FromStr>(folder: &str) -> io::Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(path(folder))? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<Number>().ok()));
    }
    Ok(numbers)
}

/// The value of a field, out of a status file; see proc_pid_status(5).
pub(crate) fn field_in<'status>(status: &'status [u8], name: &str) -> Option<&'status str> {
    let mut lines = status.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        Some(std::str::from_utf8(value).ok()?.trim())
    })
}

/// The same for a field in KiB, in bytes.
pub(crate) fn bytes_in(status: &[u8], name: &str) -> Option<u64> {
    let kibibytes = field_in(status, name)?.strip_suffix("kB")?.trim();
    Some(kibibytes.parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_and_what_has_no_number_is_no_process() {
        let own = std::process::id();
        assert!(processes().unwrap().contains(&own));
        assert!(numbered(own, "task").unwrap().contains(&own));
        assert!(environment_of(own).is_ok());
        assert!(own_memory_of(own).unwrap() > 4096);
        assert!(matches!(environment_of(u32::MAX), Err(Unseen::Ended)));
        assert!(numbers_in::<u32>("self").unwrap().is_empty());
    }

    #[test]
    fn a_field_is_found_by_its_whole_name_beside_names_that_are_not_utf8() {
        let status = b"Name:\t\xff\xfe\nVmLck:\t     8 kB\nVmLckX:\t9 kB\nPid:\t12\n";
        assert_eq!(field_in(status, "Pid"), Some("12"));
        assert_eq!(bytes_in(status, "VmLck"), Some(8192));
        assert_eq!(
            (field_in(status, "Name"), bytes_in(status, "Pid")),
            (None, None)
        );
    }
}
