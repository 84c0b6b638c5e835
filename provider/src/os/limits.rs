//! What the kernel allows this process: locked memory, open files; and how much memory the machine has.

use rustix::{io::Errno, process::Resource};

use super::{memory::MappedRange, proc};

/// Whether this process may lock `bytes` more of memory, found out by doing it for a moment.
///
/// The limit alone does not tell: CAP_IPC_LOCK lifts it, and what is locked already counts.
pub(crate) fn may_lock(bytes: usize) -> bool {
    let Ok(probe) = MappedRange::anonymous(bytes) else {
        return false;
    };
    // SAFETY: the range is this function's own mapping; locking changes no contents.
    let locked = unsafe { rustix::mm::mlock(probe.base().as_ptr().cast(), probe.bytes()) }.is_ok();
    // Dropping the mapping unlocks it.
    locked
}

/// The soft RLIMIT_MEMLOCK in bytes; `None` where there is no limit.
pub(crate) fn locked_memory_limit() -> Option<u64> {
    locked_memory().soft
}

/// Whether this process has locked more than half of what it may, by its limit. Without one, or where it cannot be
/// told, it has not.
pub(crate) fn is_half_locked() -> bool {
    let Some(limit) = locked_memory_limit() else {
        return false;
    };
    let status = proc::own("status").unwrap_or_default();
    proc::bytes_in(&status, "VmLck").is_some_and(|locked| locked > limit / 2)
}

/// How many descriptors this process may have open: its soft RLIMIT_NOFILE, or any number where there is no limit.
pub(crate) fn open_files_limit() -> u64 {
    open_files().soft.unwrap_or(u64::MAX)
}

/// How much may be had without a right that one does not have: the soft limit, and the hard one that it can be raised to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// `None` where there is none.
    pub soft: Option<u64>,
    /// As `soft`.
    pub hard: Option<u64>,
}

/// Bytes that this process may lock.
pub(crate) fn locked_memory() -> Limit {
    limit_of(Resource::Memlock)
}

/// Descriptors that this process may have open.
pub(crate) fn open_files() -> Limit {
    limit_of(Resource::Nofile)
}

fn limit_of(resource: Resource) -> Limit {
    let limit = rustix::process::getrlimit(resource);
    Limit {
        soft: limit.current,
        hard: limit.maximum,
    }
}

/// Whether this many more descriptors can be had, found out by opening them for a moment.
pub(crate) fn are_descriptors_left(count: usize) -> bool {
    let open = |_| std::fs::File::open("/dev/null");
    let opened: Result<Vec<_>, _> = (0..count).map(open).collect();
    opened.is_ok()
}

/// Whether an error says that no descriptor is left, for this process or for the whole machine.
pub(crate) fn is_out_of_descriptors(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

/// Bytes of memory that this machine has.
pub fn physical_memory() -> u64 {
    let system = rustix::system::sysinfo();
    u64::from(system.mem_unit).saturating_mul(system.totalram)
}
