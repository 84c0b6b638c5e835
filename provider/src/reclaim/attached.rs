//! What the kernel says about a process that has zenoh's metadata attached.

use std::collections::BTreeMap;

use super::{policy::ReclaimPolicy, quarantine::QuarantineReason};
use crate::os::{
    file::Identity,
    locks, process,
    threads::{self, ThreadSleeps},
};

/// zenoh's thread that confirms what its process holds, as the kernel cuts its name.
const CONFIRMATOR: &str = "Watchdog Confir";

/// A process that has zenoh's metadata attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attached {
    /// With its start time, and its confirmators: one for each copy of zenoh in it.
    Running {
        started: u64,
        confirmators: Vec<ThreadSleeps>,
    },
    Unknown(QuarantineReason),
}

/// The processes that have one of the metadata segments `files` attached.
///
/// # Errors
/// Why the list would not be complete.
pub(super) fn now(
    files: &[Identity],
    policy: ReclaimPolicy,
) -> Result<BTreeMap<u32, Attached>, QuarantineReason> {
    if policy != ReclaimPolicy::ProvenInNamespace && !process::sees_every_process() {
        return Err(QuarantineReason::OtherNamespaces);
    }
    let holders = locks::holders_of_any(files).map_err(|_| QuarantineReason::NoProc)?;
    if !holders.contains(&std::process::id()) {
        // This process has them attached, so the list is not what it seems.
        return Err(QuarantineReason::NoProc);
    }
    Ok(holders.into_iter().map(|pid| (pid, look_at(pid))).collect())
}

fn look_at(pid: u32) -> Attached {
    let Some(started) = process::running_since(pid) else {
        // One that has ended and holds a lock all the same, waited for by its parent or not, has left it to a
        // child.
        let has_ended = process::start_time(pid).is_some() || !process::exists(pid);
        return Attached::Unknown(match has_ended {
            true => QuarantineReason::Forked { pid },
            false => QuarantineReason::Hidden { pid },
        });
    };
    match threads::named(pid, CONFIRMATOR) {
        Ok(mut confirmators) => {
            confirmators.sort_unstable_by_key(|confirmator| confirmator.thread);
            Attached::Running {
                started,
                confirmators,
            }
        }
        Err(_) => Attached::Unknown(QuarantineReason::Unconfirming { pid }),
    }
}
