//! What this machine and this process's limits let the library do: facts that decide the path of frames, for the command
//! `zenoh-pinned doctor` and whoever else explains them.
//!
//! Stands on `os`, `budget`'s words for what zenoh needs (`availability`), and `cuda` for what the driver says of its devices.
//! It judges nothing: what is wrong, and what to do about it, is said elsewhere.
//!
//! Who may write what: looking writes nothing that stays. To find out what is allowed it locks some memory, and makes a
//! file without a name, for a moment.
//!
//! Knowingly weak: each fact is of its own moment. They are those of the process that looks: another one can have other
//! limits, another cgroup and other namespaces.

mod files;
mod folder;

pub use crate::{
    cuda::CountedDevice,
    os::{huge_pages::HugePages, limits::Limit, neighbours::Neighbour},
};
pub use files::LooseFile;
pub use folder::SharedMemoryFolder;

use crate::{
    availability::ZENOH_LOCKS_BYTES,
    cuda,
    os::{cgroup, host, limits, neighbours, proc, process},
    reason::FallbackReason,
};

/// What was found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// Why `/proc` cannot be read, if so.
    pub no_proc: Option<String>,
    /// `/dev/shm`.
    pub folder: SharedMemoryFolder,
    /// Locking memory, which zenoh's shared memory needs.
    pub locking: Locking,
    /// RLIMIT_NOFILE.
    pub open_files: Limit,
    /// Descriptors that this process has open; `None` without `/proc`.
    pub open_now: Option<u64>,
    /// The memory cgroups above this process that have a limit, its own first.
    pub cgroups: Vec<LimitedCgroup>,
    /// Bytes of memory that the machine has.
    pub physical_memory: u64,
    /// What the kernel is told of huge pages.
    pub huge_pages: HugePages,
    /// The inode of this process's pid namespace; `None` where the kernel does not tell.
    pub pid_namespace: Option<u64>,
    /// Whether this process sees every process of the machine.
    pub sees_every_process: bool,
    /// The user's other processes that use zenoh's shared memory; `None` where they cannot be listed.
    pub neighbours: Option<Vec<Neighbour>>,
    /// zenoh's files in `/dev/shm` that no process seen from here has open; `None` where that cannot be told.
    pub loose_files: Option<Vec<LooseFile>>,
}

/// Whether zenoh may lock what it has to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Locking {
    /// Bytes that zenoh locks in a process that sends or receives shared memory.
    pub needed_bytes: u64,
    /// Whether that much could be locked just now. A right (CAP_IPC_LOCK) lifts the limit.
    pub is_allowed: bool,
    /// RLIMIT_MEMLOCK in bytes.
    pub limit: Limit,
}

/// A memory cgroup with a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitedCgroup {
    /// Its folder.
    pub path: String,
    /// The most bytes that it may have.
    pub limit_bytes: u64,
    /// Bytes that it has, without page cache that was not used lately.
    pub used_bytes: u64,
}

impl Surroundings {
    /// Looks at everything but CUDA, which [`devices`] is for. Any thread; takes some milliseconds.
    ///
    /// ```
    /// let surroundings = zenoh_pinned::bindings::surroundings::Surroundings::now();
    /// assert!(surroundings.locking.needed_bytes > 1 << 20);
    /// ```
    pub fn now() -> Self {
        let groups = cgroup::memory_groups().into_iter();
        Self {
            no_proc: proc::own("stat").err().map(|error| error.to_string()),
            folder: SharedMemoryFolder::now(),
            locking: Locking {
                needed_bytes: ZENOH_LOCKS_BYTES as u64,
                is_allowed: limits::may_lock(ZENOH_LOCKS_BYTES),
                limit: limits::locked_memory(),
            },
            open_files: limits::open_files(),
            open_now: proc::own_descriptors()
                .ok()
                .map(|descriptors| descriptors.len() as u64),
            cgroups: groups
                .map(|group| LimitedCgroup {
                    path: group.path.to_string_lossy().into_owned(),
                    limit_bytes: group.limit,
                    used_bytes: group.used,
                })
                .collect(),
            physical_memory: limits::physical_memory(),
            huge_pages: HugePages::now(),
            pid_namespace: host::pid_namespace_of(std::process::id()),
            sees_every_process: process::sees_every_process(),
            neighbours: neighbours::neighbours().ok(),
            loose_files: files::loose().ok(),
        }
    }
}

/// The CUDA devices of this machine, in the driver's order. Loads the driver, makes no context.
///
/// ```
/// match zenoh_pinned::bindings::surroundings::devices() {
///     Ok(devices) => println!("{devices:?}"),
///     Err(reason) => println!("{reason}"),
/// }
/// ```
///
/// # Errors
/// There is no driver, or it does not begin to work.
pub fn devices() -> Result<Vec<CountedDevice>, FallbackReason> {
    cuda::devices()
}
