//! How a frame's bytes get to the device, and why not by a shorter way.
/// The way of a frame's bytes to the device, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DevicePath {
    /// One DMA out of the producer's segment, which is registered in this process.
    Direct,
    /// One CPU copy into a registered staging slot, then a DMA: what callers do by hand today.
    Staged,
    /// The driver's own copy out of memory that it does not know.
    Pageable,
    /// There is no device: the bytes stay on the host.
    Host,
}

impl std::fmt::Display for DevicePath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Direct => "direct",
            Self::Staged => "staged",
            Self::Pageable => "pageable",
            Self::Host => "host",
        })
    }
}

/// The way of a frame's bytes, and why it is not a shorter one.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) path: DevicePath,
    /// `None` where the way is direct.
    pub(crate) reason: Option<FallbackReason>,
}

impl Way {
    pub(crate) const DIRECT: Self = Self {
        path: DevicePath::Direct,
        reason: None,
    };

    /// One that is not direct.
    pub(crate) fn detour(path: DevicePath, reason: FallbackReason) -> Self {
        Self {
            path,
            reason: Some(reason),
        }
    }
}

/// Whose limit a request would have exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetScope {
    /// That of the pinner.
    Pinner,
    /// That of all pinners of this process: half of the machine's memory.
    Process,
    /// That of all processes of this user on this host.
    Host,
}

impl BudgetScope {
    /// What to do about a refusal.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Pinner => "raise max_bytes() of the pinner",
            Self::Process => "let pinners go, or lower their max_bytes()",
            Self::Host => {
                "end a process that needs less, or raise ZENOH_PINNED_HOST_BYTES or max_host_bytes()"
            }
        }
    }
}

impl std::fmt::Display for BudgetScope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Pinner => "the pinner",
            Self::Process => "this process",
            Self::Host => "all processes of this user on this host",
        })
    }
}

/// Why a shorter way was not taken. Every variant is a fact about this process at that moment, not an
/// error: the frame arrives all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FallbackReason {
    /// The application asked for a pinner without a device.
    #[error("the application asked for no device")]
    HostOnly,
    /// The CUDA driver library is not installed.
    #[error("no CUDA driver (libcuda.so) on this machine")]
    NoDriver,
    /// The driver is there but has no such device.
    #[error(
        "there is no CUDA device {ordinal}; the driver counts {count} (see CUDA_VISIBLE_DEVICES)"
    )]
    NoDevice {
        /// The device asked for.
        ordinal: usize,
        /// Devices that the driver reports.
        count: usize,
    },
    /// The device or platform cannot register host memory (CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED).
    #[error("this device cannot register host memory")]
    Unsupported,
    /// The driver lacks an entry point that this library needs.
    #[error("the CUDA driver is too old or incomplete: {detail}")]
    DriverUnusable {
        /// What was missing.
        detail: String,
    },
    /// A driver call failed; for the codes see `CUresult` in the CUDA driver API.
    #[error("{call} failed with CUDA error {code} ({name})")]
    Driver {
        /// The driver's entry point.
        call: &'static str,
        /// The numeric `CUresult`.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// The registration would exceed the budget of the pinner, of the process, or of the host.
    #[error(
        "registering {needed_bytes} bytes would exceed the budget of {scope}: {used_bytes} of {limit_bytes} are used; {}",
        scope.remedy()
    )]
    OverBudget {
        /// Whose budget.
        scope: BudgetScope,
        /// Bytes of the registration.
        needed_bytes: u64,
        /// Bytes in use already, by all that share the budget.
        used_bytes: u64,
        /// The budget.
        limit_bytes: u64,
    },
    /// A memory cgroup above this process has no room for the memory.
    #[error(
        "{needed_bytes} bytes would exceed the memory cgroup {cgroup}: {used_bytes} of {limit_bytes} are used; raise its limit (docker run --memory, systemd MemoryMax=)"
    )]
    OverCgroup {
        /// The folder of the cgroup.
        cgroup: String,
        /// Bytes of the memory.
        needed_bytes: u64,
        /// Bytes that the cgroup has, without page cache that was not used lately.
        used_bytes: u64,
        /// Its limit in bytes.
        limit_bytes: u64,
    },
    /// Nobody knows what this host has left, so nothing is taken from it.
    #[error(
        "the account of what is registered on this host cannot be kept in /dev/shm: {detail}; is there room for a page and a file, and a descriptor?"
    )]
    Unaccounted {
        /// What failed.
        detail: String,
    },
    /// The segment was attached a moment ago and is being registered on another thread.
    #[error("the segment is still being registered")]
    RegistrationPending,
    /// Another process held the segment's registration lock for too long.
    #[error("another process has been registering the segment for too long")]
    RegistrationContended,
    /// The payload came over the network or was too small for zenoh's shared memory.
    #[error("the frame did not arrive in shared memory")]
    NotSharedMemory,
    /// zenoh may not lock its metadata in this process, so it cannot have shared memory.
    #[error(
        "this process may lock {limit_bytes} bytes, zenoh's shared memory needs {needed_bytes}: raise RLIMIT_MEMLOCK (ulimit -l) or grant CAP_IPC_LOCK"
    )]
    LockedMemoryLimit {
        /// RLIMIT_MEMLOCK in bytes.
        limit_bytes: u64,
        /// Bytes that zenoh locks.
        needed_bytes: u64,
    },
    /// No segment can be made on this host, even if room is made.
    #[error(
        "no segment can be made on this host ({detail}): it takes Linux with /proc, and a tmpfs at /dev/shm that this user may write"
    )]
    NoSegments {
        /// What was missing.
        detail: String,
    },
    /// There is no room in `/dev/shm` for what zenoh makes there when a session opens.
    #[error(
        "{detail}, and zenoh needs some room there to open a session with shared memory: make room and open it again (docker run --shm-size, mount -o remount,size=,nr_inodes=)"
    )]
    SharedMemoryFull {
        /// What is used up.
        detail: String,
    },
    /// The segment could not be mapped a second time for registration.
    #[error("the segment could not be attached for registration: {detail}")]
    NotAttachable {
        /// What failed.
        detail: String,
    },
    /// Not all pages of the memory can be made present: the segment's file was truncated, or there is no room
    /// for pages that its producer had not reserved.
    #[error(
        "not all pages are there ({detail}): the segment was truncated, or /dev/shm or the memory is full"
    )]
    PagesMissing {
        /// What was found.
        detail: String,
    },
    /// Every staging slot is in use by a copy that has not ended, or none is large enough yet.
    #[error("no staging slot of {needed_bytes} bytes was free")]
    StagingBusy {
        /// Bytes of the frame.
        needed_bytes: usize,
    },
    /// The CUDA context has failed or was destroyed; for the codes see `CUresult` in the CUDA driver API.
    #[error(
        "the CUDA context is lost (CUDA error {code}, {name}): drop this pinner and everything else of the context, then make a new pinner; where that fails too, restart the process"
    )]
    ContextLost {
        /// The numeric `CUresult` of the call that told.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// This process was forked from the one that has the device or the shared memory.
    #[error(
        "this process was forked from one that had begun to use CUDA or zenoh's shared memory, and neither works across a fork: start processes with exec (Python: the start methods 'spawn' and 'forkserver'), or fork first"
    )]
    Forked,
    /// The process is exiting: no call into CUDA is made any more.
    #[error("the process is exiting")]
    Exiting,
}

impl FallbackReason {
    /// The names of the kinds, by number.
    pub(crate) const KINDS: [&'static str; 21] = [
        "host_only",
        "no_driver",
        "no_device",
        "unsupported",
        "driver_unusable",
        "driver",
        "over_budget",
        "over_cgroup",
        "unaccounted",
        "registration_pending",
        "registration_contended",
        "not_shared_memory",
        "locked_memory_limit",
        "no_segments",
        "shared_memory_full",
        "not_attachable",
        "pages_missing",
        "staging_busy",
        "context_lost",
        "forked",
        "exiting",
    ];

    /// The number of this kind.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::HostOnly => 0,
            Self::NoDriver => 1,
            Self::NoDevice { .. } => 2,
            Self::Unsupported => 3,
            Self::DriverUnusable { .. } => 4,
            Self::Driver { .. } => 5,
            Self::OverBudget { .. } => 6,
            Self::OverCgroup { .. } => 7,
            Self::Unaccounted { .. } => 8,
            Self::RegistrationPending => 9,
            Self::RegistrationContended => 10,
            Self::NotSharedMemory => 11,
            Self::LockedMemoryLimit { .. } => 12,
            Self::NoSegments { .. } => 13,
            Self::SharedMemoryFull { .. } => 14,
            Self::NotAttachable { .. } => 15,
            Self::PagesMissing { .. } => 16,
            Self::StagingBusy { .. } => 17,
            Self::ContextLost { .. } => 18,
            Self::Forked => 19,
            Self::Exiting => 20,
        }
    }

    /// The kind in a word that stays the same whatever the numbers in the message, for metrics and logs.
    ///
    /// ```
    /// assert_eq!(zenoh_pinned::FallbackReason::HostOnly.kind(), "host_only");
    /// ```
    pub fn kind(&self) -> &'static str {
        Self::KINDS[self.number()]
    }

    /// Whether the same registration may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        // Out of memory may pass (2); pages registered already (712) are about to be unregistered by a
        // pinner that is going; captures end (900 and following).
        matches!(
            self,
            Self::OverBudget { .. }
                | Self::OverCgroup { .. }
                | Self::Unaccounted { .. }
                | Self::RegistrationContended
                | Self::NotAttachable { .. }
                | Self::PagesMissing { .. }
                | Self::Driver {
                    code: 2 | 712 | 900..=908,
                    ..
                }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_named_as_its_variant() {
        let variant = |reason: &FallbackReason| format!("{reason:?}");
        for reason in [
            FallbackReason::HostOnly,
            FallbackReason::NoDevice {
                ordinal: 1,
                count: 0,
            },
            FallbackReason::StagingBusy { needed_bytes: 1 },
            FallbackReason::Exiting,
        ] {
            let name = reason.kind().replace('_', "");
            let variant = variant(&reason).to_lowercase();
            assert!(variant.starts_with(&name), "{variant} {name}");
        }
        let distinct: std::collections::BTreeSet<_> = FallbackReason::KINDS.iter().collect();
        assert_eq!(distinct.len(), FallbackReason::KINDS.len());
    }
}
