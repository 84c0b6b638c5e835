//! The one door to the operating system.
//!
//! Every system call that this crate makes itself, every path below `/dev/shm` or `/proc` (`proc`) and every Linux
//! constant is in this folder; the rest of the crate speaks of mappings, locks and deadlines. It uses nothing else of
//! the crate. Linux only: the segment format (`/dev/shm/<id>.zenoh` locked by `flock`) is zenoh's on Linux.

pub(crate) mod account_file;
pub(crate) mod byte_lock;
pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod exit;
pub(crate) mod file;
mod fork;
pub(crate) mod futex;
pub(crate) mod holdings;
pub(crate) mod host;
pub(crate) mod huge_pages;
pub(crate) mod life;
pub(crate) mod limits;
pub(crate) mod locks;
pub(crate) mod mappings;
pub(crate) mod memory;
pub(crate) mod mounts;
pub(crate) mod mutex;
pub(crate) mod neighbours;
pub(crate) mod peers;
pub(crate) mod per_process;
pub(crate) mod proc;
pub(crate) mod process;
pub(crate) mod registration_lock;
pub(crate) mod runtime_folder;
pub(crate) mod termination;
pub(crate) mod threads;
pub(crate) mod waiting;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "zenoh-pinned supports Linux only: zenoh's segments have another form on other systems"
);

pub(crate) use rustix::io::Errno;

/// Random bytes from the kernel.
pub(crate) fn random<const BYTES: usize>() -> Result<[u8; BYTES], Errno> {
    let mut bytes = [0; BYTES];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

/// The size of a memory page, in bytes.
pub fn page_bytes() -> usize {
    rustix::param::page_size()
}

/// `bytes` rounded up to whole pages, or `None` where that overflows.
pub(crate) fn round_up_to_pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_bytes())
}
