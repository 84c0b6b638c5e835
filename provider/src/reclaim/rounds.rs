//! Whether a process has completed a round of confirming between two looks at it.

use std::time::Duration;

use super::{attached::Attached, own_rounds, quarantine::QuarantineReason};

/// After this many sleeps of a confirmator, it counts as having begun and ended a round. One sleep ends the round under
/// way, the next a whole one; the others are a margin for sleeps inside a round. Sleeps that come faster than rounds,
/// and those beside page faults, are not counted.
pub(super) const WAKES: u64 = 6;

/// How often zenoh's confirmator makes a round.
pub(super) const ROUND: Duration = Duration::from_millis(50);
/// A process whose confirmator has not slept [`WAKES`] times by then stands still.
const STANDS_STILL: Duration = Duration::from_millis(600);

/// Why somebody cannot be ruled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) reason: QuarantineReason,
    /// The earlier snapshot is of no more use: only what happens from now on counts.
    pub(super) starts_afresh: bool,
}

impl From<QuarantineReason> for Doubt {
    fn from(reason: QuarantineReason) -> Self {
        Self {
            reason,
            starts_afresh: true,
        }
    }
}

/// It has made no whole round yet, and is waited for.
fn not_yet(pid: u32, elapsed: Duration) -> Doubt {
    Doubt {
        reason: match elapsed > STANDS_STILL {
            true => QuarantineReason::Stalled { pid },
            false => QuarantineReason::Confirming,
        },
        starts_afresh: false,
    }
}

/// Whether a process that is in both snapshots has completed a round in between.
pub(super) fn has_confirmed(
    pid: u32,
    before: &Attached,
    after: &Attached,
    elapsed: Duration,
) -> Result<(), Doubt> {
    if let (Attached::Own { rounds: before }, Attached::Own { rounds: after }) = (before, after) {
        return match after.saturating_sub(*before) >= own_rounds::NEEDED {
            true => Ok(()),
            false => Err(not_yet(pid, elapsed)),
        };
    }
    let (
        Attached::Running {
            started: started_before,
            confirmators: before,
        },
        Attached::Running {
            started,
            confirmators,
        },
    ) = (before, after)
    else {
        return Err(QuarantineReason::Unconfirming { pid }.into());
    };
    if before.is_empty() {
        return Err(QuarantineReason::Unconfirming { pid }.into());
    }
    // Another process by that pid, or another copy of zenoh: the question is put anew.
    if started != started_before || confirmators.len() != before.len() {
        return Err(QuarantineReason::Confirming.into());
    }
    for (confirmator, now) in before.iter().zip(confirmators) {
        if confirmator.thread != now.thread {
            return Err(QuarantineReason::Confirming.into());
        }
        let sleeps = now.sleeps.saturating_sub(confirmator.sleeps);
        if sleeps < WAKES {
            return Err(not_yet(pid, elapsed));
        }
        let rounds = elapsed.as_millis() / ROUND.as_millis() + 2;
        if u128::from(sleeps) > rounds || now.faults != confirmator.faults {
            return Err(QuarantineReason::Confirming.into());
        }
    }
    Ok(())
}
