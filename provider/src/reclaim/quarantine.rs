//! Why slots do not come back yet.

use std::{io, sync::Mutex};

use crate::os::{Errno, limits, mutex};

/// Slots that stay in use because of a process that has died or stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantined {
    /// How many.
    pub slots: u32,
    /// What is missing.
    pub reason: QuarantineReason,
}

impl std::fmt::Display for Quarantined {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} in quarantine: {}", self.slots, self.reason)
    }
}

/// Why a slot stays in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineReason {
    /// The proof takes some tenths of a second.
    #[error("it is being found out whether somebody still holds them")]
    Confirming,
    /// The proof was begun again and again: processes that have the memory attached come, or are short of
    /// memory, all the time.
    #[error(
        "it cannot be found out whether somebody still holds them: consumers come all the time, or are short of memory"
    )]
    Unsettled,
    /// A process that may hold the slots stands still.
    #[error(
        "process {pid} may hold them and stands still: it is stopped, frozen, in a debugger or gets no processor; \
         let it go on or end it"
    )]
    Stalled {
        /// The process.
        pid: u32,
    },
    /// A process has zenoh's segments attached and no thread that confirms what it holds.
    #[error(
        "process {pid} may hold them and does not confirm: it is ending, or is no zenoh 1.10; end it"
    )]
    Unconfirming {
        /// The process.
        pid: u32,
    },
    /// A process has ended, but its lock is still held, by a child it has forked.
    #[error(
        "process {pid} has ended (another may have its pid by now) and left a forked child that still has its \
         memory; end that child"
    )]
    Forked {
        /// The process that has ended.
        pid: u32,
    },
    /// This user may not look at a process.
    #[error("process {pid} may hold them and /proc does not show it: mount /proc without hidepid")]
    Hidden {
        /// The process.
        pid: u32,
    },
    /// The kernel's list of locks or processes could not be read.
    #[error("/proc cannot be read, so nobody can be ruled out: mount it")]
    NoProc,
    /// The kernel's list of locks or processes could not be read for want of a descriptor.
    #[error(
        "this process has as many files open as it may have, so it cannot look into /proc, and nobody can be ruled \
         out: raise RLIMIT_NOFILE (ulimit -n, docker run --ulimit nofile=)"
    )]
    OutOfDescriptors,
    /// Processes outside this pid namespace may share `/dev/shm`, and cannot be seen.
    #[error(
        "processes outside this container may share /dev/shm: use the host's pid namespace (docker run --pid=host), \
         or say that none does with ReclaimPolicy::ProvenInNamespace or ZENOH_PINNED_RECLAIM=namespace"
    )]
    OtherNamespaces,
    /// zenoh's metadata is not laid out as this library knows it.
    #[error(
        "zenoh's metadata has an unknown layout: nothing is reclaimed with this version of zenoh"
    )]
    UnknownLayout,
    /// Several headers describe the slot: somebody wrote to zenoh's metadata.
    #[error("zenoh's metadata contradicts itself about them: somebody else wrote to it")]
    Contradiction,
    /// So many headers wait for late references that no further one is given up.
    #[error(
        "{tombstones} headers wait for references of processes that still run: restart the consumers that have run longest"
    )]
    TooManyTombstones {
        /// Headers waiting, over all pools of this process.
        tombstones: usize,
    },
}

impl QuarantineReason {
    /// Why nobody can be ruled out where a look at `/proc` failed.
    pub(super) fn of_unreadable(error: &io::Error) -> Self {
        let code = Errno::from_io_error(error);
        match code.is_some_and(limits::is_out_of_descriptors) {
            true => Self::OutOfDescriptors,
            false => Self::NoProc,
        }
    }
}

/// A pool's slots in quarantine at the last look: written by the reclaiming thread, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    slots: Mutex<Vec<Quarantined>>,
}

impl Quarantine {
    pub(crate) fn now(&self) -> Vec<Quarantined> {
        mutex::lock(&self.slots).clone()
    }

    /// Replaces the list by one entry a reason; `true` where a reason is new that will not pass by itself.
    pub(super) fn set(&self, mut reasons: Vec<QuarantineReason>) -> bool {
        reasons.sort_unstable();
        let counted: Vec<_> = reasons
            .chunk_by(PartialEq::eq)
            .filter_map(|same| {
                let reason = same.first()?.clone();
                let slots = u32::try_from(same.len()).unwrap_or(u32::MAX);
                Some(Quarantined { slots, reason })
            })
            .collect();
        let mut slots = mutex::lock(&self.slots);
        let is_new = counted.iter().any(|counted| {
            counted.reason != QuarantineReason::Confirming
                && slots.iter().all(|known| known.reason != counted.reason)
        });
        *slots = counted;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_by_reason_and_a_lasting_reason_is_new_once() {
        use QuarantineReason::{Confirming, Stalled};
        let quarantine = Quarantine::default();
        assert!(!quarantine.set(vec![Confirming]));
        let stalled = Stalled { pid: 7 };
        let reasons = vec![stalled.clone(), Confirming, stalled.clone()];
        assert!(quarantine.set(reasons.clone()));
        assert!(!quarantine.set(reasons));
        let counted: Vec<_> = quarantine
            .now()
            .into_iter()
            .map(|quarantined| (quarantined.slots, quarantined.reason))
            .collect();
        assert_eq!(counted, [(1, Confirming), (2, stalled)]);
        quarantine.set(Vec::new());
        assert!(quarantine.now().is_empty());
    }
}
