//! What the kernel says about the processes that may hold a chunk.

use std::collections::BTreeMap;

use super::quarantine::{QuarantineReason, ReclaimPolicy};
use crate::os::{
    file::Identity,
    locks, process,
    threads::{self, ThreadSleeps},
};

/// How often a confirmator has to go to sleep before a round of it is certain to have begun and ended in
/// between: one sleep ends the round under way, the next a whole one; the others are a margin for sleeps
/// inside a round.
pub(super) const WAKES: u64 = 4;

/// zenoh's thread that confirms what its process holds, as the kernel cuts its name.
const CONFIRMATOR: &str = "Watchdog Confir";

/// A process that has zenoh's metadata attached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Attached {
    /// With its start time, and its confirmators: one for each copy of zenoh in it.
    Running {
        started: u64,
        confirmators: Vec<ThreadSleeps>,
    },
    Unknown(QuarantineReason),
}

/// Who had the metadata attached at a moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    processes: Result<BTreeMap<u32, Attached>, QuarantineReason>,
}

impl Snapshot {
    /// The processes that have one of the metadata segments `files` attached.
    pub(super) fn now(files: &[Identity], policy: ReclaimPolicy) -> Self {
        Self {
            processes: attached(files, policy),
        }
    }

    /// Whether everybody who was attached in this snapshot is gone in `later`, or has completed a round of
    /// confirming in between.
    ///
    /// # Errors
    /// Who cannot be ruled out, and why.
    pub(super) fn everybody_has_confirmed_by(&self, later: &Self) -> Result<(), QuarantineReason> {
        let before = self.processes.as_ref().map_err(Clone::clone)?;
        let after = later.processes.as_ref().map_err(Clone::clone)?;
        for (pid, attached) in before {
            // Who has let go of the segment, or come to it since, holds nothing that was out before.
            let Some(now) = after.get(pid) else { continue };
            match (attached, now) {
                (
                    Attached::Running {
                        started,
                        confirmators,
                    },
                    Attached::Running {
                        started: started_now,
                        confirmators: confirmators_now,
                    },
                ) if started == started_now => {
                    has_confirmed(*pid, confirmators, confirmators_now)?;
                }
                (Attached::Running { .. }, Attached::Running { .. }) => {}
                (Attached::Unknown(reason), _) | (_, Attached::Unknown(reason)) => {
                    return Err(reason.clone());
                }
            }
        }
        Ok(())
    }

    /// Whether every process of this snapshot, but this one, is gone in `later`.
    pub(super) fn all_others_are_gone_in(&self, later: &Self) -> bool {
        let (Ok(before), Ok(after)) = (&self.processes, &later.processes) else {
            return false;
        };
        let is_there = |(pid, attached): (&u32, &Attached)| match (attached, after.get(pid)) {
            (_, None) => false,
            (
                Attached::Running { started, .. },
                Some(Attached::Running {
                    started: started_now,
                    ..
                }),
            ) => started == started_now,
            _ => true,
        };
        let own = std::process::id();
        !before
            .iter()
            .any(|known| *known.0 != own && is_there(known))
    }
}

fn has_confirmed(
    pid: u32,
    before: &[ThreadSleeps],
    after: &[ThreadSleeps],
) -> Result<(), QuarantineReason> {
    if before.is_empty() {
        return Err(QuarantineReason::Unconfirming { pid });
    }
    for confirmator in before {
        let now = after.iter().find(|now| now.thread == confirmator.thread);
        match now {
            None => return Err(QuarantineReason::Unconfirming { pid }),
            Some(now) if now.sleeps < confirmator.sleeps.saturating_add(WAKES) => {
                return Err(QuarantineReason::Stalled { pid });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn attached(
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
    let Some(started) = process::start_time(pid) else {
        return Attached::Unknown(if process::exists(pid) {
            QuarantineReason::Hidden { pid }
        } else {
            QuarantineReason::Forked { pid }
        });
    };
    match threads::named(pid, CONFIRMATOR) {
        Ok(confirmators) => Attached::Running {
            started,
            confirmators,
        },
        Err(_) => Attached::Unknown(QuarantineReason::Unconfirming { pid }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(started: u64, sleeps: &[(u32, u64)]) -> Attached {
        let confirmator = |(thread, sleeps): &(u32, u64)| ThreadSleeps {
            thread: *thread,
            sleeps: *sleeps,
        };
        Attached::Running {
            started,
            confirmators: sleeps.iter().map(confirmator).collect(),
        }
    }

    fn snapshot(processes: &[(u32, Attached)]) -> Snapshot {
        Snapshot {
            processes: Ok(processes.iter().cloned().collect()),
        }
    }

    #[test]
    fn only_processes_that_are_gone_or_have_confirmed_are_ruled_out() {
        use QuarantineReason::{Forked, Stalled, Unconfirming};
        let one = |attached: Attached| snapshot(&[(7, attached)]);
        let before = one(running(1, &[(9, 100)]));
        let verdict = |later: Snapshot| before.everybody_has_confirmed_by(&later);
        assert_eq!(verdict(snapshot(&[])), Ok(()), "gone");
        assert_eq!(
            verdict(one(running(2, &[(9, 0)]))),
            Ok(()),
            "another with its pid"
        );
        assert_eq!(verdict(one(running(1, &[(9, 100 + WAKES)]))), Ok(()));
        let newcomer = (8, running(5, &[(10, 0)]));
        assert_eq!(verdict(snapshot(&[newcomer])), Ok(()), "came later");
        assert_eq!(
            verdict(one(running(1, &[(9, 99 + WAKES)]))),
            Err(Stalled { pid: 7 })
        );
        assert_eq!(
            verdict(one(running(1, &[(11, 500)]))),
            Err(Unconfirming { pid: 7 }),
            "its confirmator has ended"
        );
        let forked = Forked { pid: 7 };
        assert_eq!(
            verdict(one(Attached::Unknown(forked.clone()))),
            Err(forked.clone())
        );
        assert_eq!(
            one(Attached::Unknown(forked.clone())).everybody_has_confirmed_by(&before),
            Err(forked)
        );
        let silent = one(running(1, &[]));
        assert_eq!(
            silent.everybody_has_confirmed_by(&silent),
            Err(Unconfirming { pid: 7 })
        );
    }

    #[test]
    fn every_copy_of_zenoh_in_a_process_has_to_confirm() {
        let before = snapshot(&[(7, running(1, &[(9, 0), (10, 0)]))]);
        let after = |second| snapshot(&[(7, running(1, &[(9, WAKES), (10, second)]))]);
        assert!(before.everybody_has_confirmed_by(&after(WAKES)).is_ok());
        assert!(before.everybody_has_confirmed_by(&after(1)).is_err());
    }

    #[test]
    fn what_could_not_be_read_rules_nobody_out() {
        let unreadable = Snapshot {
            processes: Err(QuarantineReason::NoProc),
        };
        let empty = snapshot(&[]);
        assert!(unreadable.everybody_has_confirmed_by(&empty).is_err());
        assert!(empty.everybody_has_confirmed_by(&unreadable).is_err());
        assert!(!unreadable.all_others_are_gone_in(&empty));
        assert!(!empty.all_others_are_gone_in(&unreadable));
    }

    #[test]
    fn a_process_that_attached_is_there_until_its_lock_or_its_start_time_changes() {
        let before = snapshot(&[(7, running(1, &[(9, 0)]))]);
        assert!(!before.all_others_are_gone_in(&before));
        assert!(before.all_others_are_gone_in(&snapshot(&[])));
        assert!(before.all_others_are_gone_in(&snapshot(&[(7, running(2, &[]))])));
        let own = snapshot(&[(std::process::id(), running(1, &[]))]);
        assert!(own.all_others_are_gone_in(&own));
    }
}
