//! Who may hold a chunk, from one look at the processes to a later one.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use super::{
    attached::{self, Attached},
    policy::ReclaimPolicy,
    quarantine::QuarantineReason,
    rounds::{Doubt, has_confirmed},
};
use crate::os::{clock, file::Identity, life::Life};

/// Who had the metadata attached at a moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Before and after the processes were looked at.
    began: Instant,
    ended: Instant,
    /// When the first of the looks began that this one carries on, as start times of processes have it: in clock ticks since
    /// boot. Nobody new could come to hold what is asked about by then.
    first_began: u64,
    processes: Result<BTreeMap<u32, Attached>, QuarantineReason>,
}

impl Snapshot {
    /// The processes that have one of the metadata segments `files` attached.
    pub(super) fn now(files: &[Identity], policy: ReclaimPolicy) -> Self {
        let (began, first_began) = (Instant::now(), clock::ticks_since_boot());
        let processes = attached::now(files, policy);
        Self {
            began,
            ended: Instant::now(),
            first_began,
            processes,
        }
    }

    /// `now`, with those of `before` that are not in it and have not ended: the list of locks can miss one.
    pub(super) fn carrying(
        now: &Arc<Self>,
        before: &Self,
        life_of: impl Fn(u32) -> Life,
    ) -> Arc<Self> {
        let mut carried = Self {
            first_began: before.first_began,
            ..Self::clone(now)
        };
        let (Ok(processes), Ok(earlier)) = (&mut carried.processes, &before.processes) else {
            return Arc::new(carried);
        };
        let is_missing = |(pid, attached): &(&u32, &Attached)| match attached {
            Attached::Running { started, .. } => {
                !processes.contains_key(pid) && life_of(**pid).may_be_since(*started)
            }
            Attached::Own { .. } => !processes.contains_key(pid),
            Attached::Unknown(_) => false,
        };
        let missing = earlier.iter().filter(is_missing);
        let missing: Vec<_> = missing
            .map(|(pid, attached)| (*pid, attached.clone()))
            .collect();
        processes.extend(missing);
        Arc::new(carried)
    }

    /// Whether everybody who was attached in this snapshot is gone in `later`, or has completed a round of
    /// confirming in between.
    ///
    /// # Errors
    /// Who cannot be ruled out, and why.
    pub(super) fn everybody_has_confirmed_by(
        &self,
        later: &Self,
        life_of: impl Fn(u32) -> Life,
    ) -> Result<(), Doubt> {
        let before = self.processes.as_ref().map_err(Clone::clone)?;
        let after = later.processes.as_ref().map_err(Clone::clone)?;
        let elapsed = later.ended.saturating_duration_since(self.began);
        // Who has begun since then holds nothing that nobody new could come to hold any more. Otherwise a slot would not come
        // back while processes come and go all the time.
        let is_new = |attached: &Attached| match attached {
            Attached::Running { started, .. } => *started > self.first_began,
            Attached::Own { .. } | Attached::Unknown(_) => false,
        };
        let there = |pid: &u32| after.get(pid).filter(|attached| !is_new(attached));
        for (pid, attached) in before.iter().filter(|(_, attached)| !is_new(attached)) {
            let started = match attached {
                Attached::Running { started, .. } => *started,
                // Whatever it is, this process has not ended.
                Attached::Own { .. } => 0,
                Attached::Unknown(reason) => return Err(reason.clone().into()),
            };
            match there(pid) {
                // zenoh lets go of its metadata only as its process ends, and a lock may be missing in the
                // kernel's list by accident: only who has ended is gone.
                None if matches!(attached, Attached::Own { .. })
                    || life_of(*pid).may_be_since(started) =>
                {
                    return Err(QuarantineReason::Unconfirming { pid: *pid }.into());
                }
                None => {}
                Some(Attached::Unknown(reason)) => return Err(reason.clone().into()),
                Some(now) => has_confirmed(*pid, attached, now, elapsed)?,
            }
        }
        // Who has attached since holds nothing that was out before; but it may have been there, unlisted.
        if after
            .keys()
            .any(|pid| !before.contains_key(pid) && there(pid).is_some())
        {
            return Err(QuarantineReason::Confirming.into());
        }
        Ok(())
    }

    /// Whether every process of this snapshot, but this one, is gone in `later`.
    pub(super) fn all_others_are_gone_in(
        &self,
        later: &Self,
        life_of: impl Fn(u32) -> Life,
    ) -> bool {
        let (Ok(before), Ok(after)) = (&self.processes, &later.processes) else {
            return false;
        };
        let is_gone = |(pid, attached): (&u32, &Attached)| match attached {
            Attached::Running { started, .. } => {
                !after.contains_key(pid) && !life_of(*pid).may_be_since(*started)
            }
            Attached::Own { .. } | Attached::Unknown(_) => false,
        };
        let own = std::process::id();
        before.iter().all(|known| *known.0 == own || is_gone(known))
    }
}

#[cfg(test)]
mod tests {
    use QuarantineReason::{Confirming, Forked, Stalled, Unconfirming};

    use super::*;
    use crate::{
        os::threads::ThreadSleeps,
        reclaim::{
            own_rounds,
            rounds::{ROUND, WAKES},
        },
    };

    fn running(started: u64, sleeps: &[(u32, u64)]) -> Attached {
        let confirmator = |(thread, sleeps): &(u32, u64)| ThreadSleeps {
            thread: *thread,
            sleeps: *sleeps,
            faults: 5,
        };
        Attached::Running {
            started,
            confirmators: sleeps.iter().map(confirmator).collect(),
        }
    }

    fn snapshot(processes: &[(u32, Attached)]) -> Snapshot {
        let now = Instant::now();
        Snapshot {
            began: now,
            ended: now,
            first_began: 5,
            processes: Ok(processes.iter().cloned().collect()),
        }
    }

    /// A snapshot that was made so long after another that `rounds` rounds fit in between.
    fn later(before: &Snapshot, rounds: u64, processes: &[(u32, Attached)]) -> Snapshot {
        let ended = before.began + ROUND * u32::try_from(rounds).unwrap();
        Snapshot {
            ended,
            ..snapshot(processes)
        }
    }

    fn nobody(_: u32) -> Life {
        Life::Ended
    }

    #[test]
    fn only_processes_that_are_gone_or_have_confirmed_are_ruled_out() {
        let before = snapshot(&[(7, running(1, &[(9, 100)]))]);
        let verdict = |processes: &[(u32, Attached)]| {
            let later = later(&before, WAKES, processes);
            before.everybody_has_confirmed_by(&later, nobody)
        };
        let verdict =
            |processes: &[(u32, Attached)]| verdict(processes).map_err(|doubt| doubt.reason);
        assert_eq!(verdict(&[]), Ok(()), "gone");
        assert_eq!(verdict(&[(7, running(1, &[(9, 100 + WAKES)]))]), Ok(()));
        assert_eq!(
            verdict(&[(7, running(1, &[(9, 99 + WAKES)]))]),
            Err(Confirming),
            "not yet"
        );
        let other = running(2, &[(9, 500)]);
        assert_eq!(
            verdict(&[(7, other)]),
            Err(Confirming),
            "another with its pid"
        );
        let newcomer = (8, running(5, &[(10, 0)]));
        assert_eq!(
            verdict(&[newcomer]),
            Err(Confirming),
            "came later, or was not listed"
        );
        let forked_since = (8, Attached::Unknown(Forked { pid: 8 }));
        assert_eq!(verdict(&[forked_since]), Err(Confirming), "not known when");
        let begun_since = [(8, running(6, &[(10, 0)]))];
        assert_eq!(verdict(&begun_since), Ok(()), "has begun since");
        let with_its_pid = [(7, running(6, &[(10, 0)]))];
        assert_eq!(
            verdict(&with_its_pid),
            Ok(()),
            "with the pid of one that has ended"
        );
        let long_ago = before.clone();
        let starting = Arc::new(snapshot(&[(8, running(6, &[]))]));
        let carried = Snapshot::carrying(
            &Arc::new(Snapshot {
                first_began: 9,
                ..Snapshot::clone(&starting)
            }),
            &long_ago,
            nobody,
        );
        assert_eq!(
            carried.everybody_has_confirmed_by(&starting, nobody),
            Ok(()),
            "has begun since the question was first put"
        );
        let another = running(1, &[(11, 500)]);
        assert_eq!(
            verdict(&[(7, another)]),
            Err(Confirming),
            "another confirmator"
        );
        let forked = Forked { pid: 7 };
        let unknown = (7, Attached::Unknown(forked.clone()));
        assert_eq!(verdict(std::slice::from_ref(&unknown)), Err(forked.clone()));
        let unclear = snapshot(&[unknown]);
        assert_eq!(
            unclear.everybody_has_confirmed_by(&snapshot(&[]), nobody),
            Err(forked.into())
        );
        let silent = snapshot(&[(7, running(1, &[]))]);
        assert_eq!(
            silent.everybody_has_confirmed_by(&silent, nobody),
            Err(Unconfirming { pid: 7 }.into())
        );
    }

    #[test]
    fn a_process_that_makes_no_round_for_long_stands_still_and_is_counted_on_from_where_it_stood() {
        let before = snapshot(&[(7, running(1, &[(9, 100)]))]);
        let much_later = later(&before, 13, &[(7, running(1, &[(9, 101)]))]);
        let doubt = Doubt {
            reason: Stalled { pid: 7 },
            starts_afresh: false,
        };
        assert_eq!(
            before.everybody_has_confirmed_by(&much_later, nobody),
            Err(doubt)
        );
    }

    #[test]
    fn a_process_that_is_alive_and_not_listed_is_not_gone() {
        let before = snapshot(&[(7, running(1, &[(9, 0)]))]);
        let nothing = snapshot(&[]);
        let alive = |_| Life::Since(1);
        assert_eq!(
            before.everybody_has_confirmed_by(&nothing, alive),
            Err(Unconfirming { pid: 7 }.into())
        );
        assert!(!before.all_others_are_gone_in(&nothing, alive));
        // Missed again, it is still asked about.
        let nothing = Arc::new(nothing);
        let carried = Snapshot::carrying(&nothing, &before, alive);
        assert!(carried.everybody_has_confirmed_by(&nothing, alive).is_err());
        let ended = Snapshot::carrying(&nothing, &before, nobody);
        assert_eq!(ended.everybody_has_confirmed_by(&nothing, nobody), Ok(()));
        let another = |_| Life::Since(2);
        assert_eq!(before.everybody_has_confirmed_by(&nothing, another), Ok(()));
        assert!(before.all_others_are_gone_in(&nothing, another));
    }

    #[test]
    fn a_process_that_cannot_be_looked_at_is_not_gone() {
        let before = snapshot(&[(7, running(1, &[(9, 0)]))]);
        let nothing = Arc::new(snapshot(&[]));
        let out_of_descriptors =
            |_| Life::Unreadable(std::io::Error::from_raw_os_error(libc::EMFILE));
        let hidden = |_| Life::Hidden;
        for verdict in [
            before.everybody_has_confirmed_by(&nothing, out_of_descriptors),
            before.everybody_has_confirmed_by(&nothing, hidden),
            Snapshot::carrying(&nothing, &before, out_of_descriptors)
                .everybody_has_confirmed_by(&nothing, hidden),
        ] {
            assert_eq!(verdict, Err(Unconfirming { pid: 7 }.into()));
        }
        assert!(!before.all_others_are_gone_in(&nothing, out_of_descriptors));
        assert!(!before.all_others_are_gone_in(&nothing, hidden));
    }

    #[test]
    fn sleeps_that_come_too_fast_or_with_page_faults_prove_no_round() {
        let before = snapshot(&[(7, running(1, &[(9, 0)]))]);
        let many = later(&before, 2, &[(7, running(1, &[(9, WAKES)]))]);
        assert_eq!(
            before.everybody_has_confirmed_by(&many, nobody),
            Err(Confirming.into()),
            "more sleeps than rounds fit"
        );
        let faulted = Attached::Running {
            started: 1,
            confirmators: vec![ThreadSleeps {
                thread: 9,
                sleeps: WAKES,
                faults: 6,
            }],
        };
        let faulted = later(&before, WAKES, &[(7, faulted)]);
        assert_eq!(
            before.everybody_has_confirmed_by(&faulted, nobody),
            Err(Confirming.into())
        );
    }

    #[test]
    fn rounds_of_this_process_are_counted_and_not_guessed_from_its_sleeps() {
        let own = |rounds| (7, Attached::Own { rounds });
        let before = snapshot(&[own(10)]);
        let verdict = |processes: &[(u32, Attached)]| {
            before.everybody_has_confirmed_by(&later(&before, 3, processes), nobody)
        };
        assert_eq!(verdict(&[own(10 + own_rounds::NEEDED)]), Ok(()));
        let not_yet = Doubt {
            reason: Confirming,
            starts_afresh: false,
        };
        assert_eq!(verdict(&[own(9 + own_rounds::NEEDED)]), Err(not_yet));
        assert!(verdict(&[]).is_err(), "not listed, and not gone");
        assert!(verdict(&[(7, running(1, &[(9, 500)]))]).is_err());
    }

    #[test]
    fn every_copy_of_zenoh_in_a_process_has_to_confirm() {
        let before = snapshot(&[(7, running(1, &[(9, 0), (10, 0)]))]);
        let verdict = |sleeps: &[(u32, u64)]| {
            let later = later(&before, WAKES, &[(7, running(1, sleeps))]);
            before.everybody_has_confirmed_by(&later, nobody)
        };
        assert_eq!(verdict(&[(9, WAKES), (10, WAKES)]), Ok(()));
        let not_yet = Doubt {
            reason: Confirming,
            starts_afresh: false,
        };
        assert_eq!(verdict(&[(9, WAKES), (10, 1)]), Err(not_yet));
        assert_eq!(verdict(&[(9, WAKES)]), Err(Confirming.into()));
    }

    #[test]
    fn what_could_not_be_read_rules_nobody_out() {
        let unreadable = Snapshot {
            processes: Err(QuarantineReason::NoProc),
            ..snapshot(&[])
        };
        let empty = snapshot(&[]);
        let verdict = |before: &Snapshot, after| before.everybody_has_confirmed_by(after, nobody);
        assert!(verdict(&unreadable, &empty).is_err());
        assert!(verdict(&empty, &unreadable).is_err());
        assert!(!unreadable.all_others_are_gone_in(&empty, nobody));
        assert!(!empty.all_others_are_gone_in(&unreadable, nobody));
    }

    #[test]
    fn this_process_does_not_keep_its_own_tombstones() {
        let own = snapshot(&[(std::process::id(), running(1, &[]))]);
        assert!(own.all_others_are_gone_in(&own, |_| Life::Since(1)));
    }
}
