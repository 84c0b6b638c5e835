//! What the kernel allows this process to lock.

use rustix::process::Resource;

use super::memory::MappedRange;

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
    rustix::process::getrlimit(Resource::Memlock).current
}

/// Bytes of memory that this machine has.
pub(crate) fn physical_memory() -> u64 {
    let system = rustix::system::sysinfo();
    u64::from(system.mem_unit).saturating_mul(system.totalram)
}
