//! The states of a worker, and which may follow which.
//!
//! Holds: the states, and one table of what may become what. No effect, no lock: the supervisor, which alone changes a
//! worker's state, asks before it does.
//!
//! Invariants: whatever has a process may end; what has ended comes back only by starting anew, in the same place.

use std::fmt;

/// Where a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerState {
    /// Its process was started, and has not been heard from.
    Spawning,
    /// It has said hello, and loads its model.
    Loading,
    /// It may be given a batch.
    Ready,
    /// It has at least one batch.
    Processing,
    /// It has had nothing to do for a while, and is the first to go.
    Idle,
    /// It was asked to end. It may still have a batch to finish.
    Evicting,
    /// Its process has ended.
    Dead,
    /// It could not be started, could not load, or did not answer in time. What is left of its process is being killed; then
    /// it waits for its restart.
    Failed,
}

impl WorkerState {
    /// Every state, in the order of a worker's life.
    pub const ALL: [Self; 8] = [
        Self::Spawning,
        Self::Loading,
        Self::Ready,
        Self::Processing,
        Self::Idle,
        Self::Evicting,
        Self::Dead,
        Self::Failed,
    ];

    /// Whether this state may be followed by that one. No state follows itself.
    ///
    /// ```
    /// use zenoh_pinned_workers::WorkerState;
    ///
    /// assert!(WorkerState::Loading.may_become(WorkerState::Ready));
    /// assert!(!WorkerState::Dead.may_become(WorkerState::Ready)); // it has to start first
    /// ```
    pub const fn may_become(self, next: Self) -> bool {
        FOLLOWS[self as usize][next as usize] == 1
    }

    /// Whether a process exists that is not given up: neither dead nor failed.
    pub const fn is_alive(self) -> bool {
        !matches!(self, Self::Dead | Self::Failed)
    }

    /// Whether it may be given a batch.
    pub const fn takes_batches(self) -> bool {
        matches!(self, Self::Ready | Self::Processing | Self::Idle)
    }
}

/// A row for each state, a column for each that may follow it, both in the order of [`WorkerState::ALL`].
#[rustfmt::skip]
const FOLLOWS: [[u8; 8]; 8] = [
    // Spawning, Loading, Ready, Processing, Idle, Evicting, Dead, Failed
    [  0,        1,       0,     0,          0,    1,        1,    1], // Spawning
    [  0,        0,       1,     0,          0,    1,        1,    1], // Loading
    [  0,        0,       0,     1,          1,    1,        1,    1], // Ready
    [  0,        0,       1,     0,          0,    1,        1,    1], // Processing
    [  0,        0,       0,     1,          0,    1,        1,    1], // Idle
    [  0,        0,       0,     0,          0,    0,        1,    1], // Evicting
    [  1,        0,       0,     0,          0,    0,        0,    0], // Dead
    [  1,        0,       0,     0,          0,    0,        1,    0], // Failed
];

impl fmt::Display for WorkerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Spawning => "spawning",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Idle => "idle",
            Self::Evicting => "evicting",
            Self::Dead => "dead",
            Self::Failed => "failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerState::{self, *};

    /// Written by what happens to a worker, not copied from the table.
    const HAPPENS: &[(&str, WorkerState, WorkerState)] = &[
        ("says hello", Spawning, Loading),
        ("has loaded", Loading, Ready),
        ("is given a batch", Ready, Processing),
        ("is given a batch", Idle, Processing),
        ("has answered its last batch", Processing, Ready),
        ("has had nothing for a while", Ready, Idle),
        (
            "is not wanted any more, before it said hello",
            Spawning,
            Evicting,
        ),
        ("is not wanted any more, while it loads", Loading, Evicting),
        ("is not wanted any more", Ready, Evicting),
        ("is to end when it has answered", Processing, Evicting),
        ("is not wanted any more", Idle, Evicting),
        (
            "cannot be started, or is never heard from",
            Spawning,
            Failed,
        ),
        ("cannot load", Loading, Failed),
        ("is silent", Ready, Failed),
        ("hangs in a batch", Processing, Failed),
        ("is silent", Idle, Failed),
        ("does not end", Evicting, Failed),
        ("dies", Spawning, Dead),
        ("dies", Loading, Dead),
        ("dies", Ready, Dead),
        ("dies", Processing, Dead),
        ("dies", Idle, Dead),
        ("ends as it was asked to", Evicting, Dead),
        ("was killed", Failed, Dead),
        ("is restarted", Dead, Spawning),
        ("is restarted", Failed, Spawning),
    ];

    #[test]
    fn only_what_can_happen_to_a_worker_changes_its_state() {
        for from in WorkerState::ALL {
            for to in WorkerState::ALL {
                let happens = HAPPENS
                    .iter()
                    .any(|happens| (from, to) == (happens.1, happens.2));
                assert_eq!(from.may_become(to), happens, "{from} to {to}");
            }
        }
    }

    #[test]
    fn whatever_has_a_process_may_die_and_fail() {
        for state in WorkerState::ALL
            .into_iter()
            .filter(|state| state.is_alive())
        {
            assert!(
                state.may_become(Dead) && state.may_become(Failed),
                "{state}"
            );
        }
        let alive = WorkerState::ALL.map(WorkerState::is_alive);
        assert_eq!(alive, [true, true, true, true, true, true, false, false]);
    }

    #[test]
    fn batches_go_to_who_has_loaded_and_may_stay() {
        let taking = WorkerState::ALL
            .into_iter()
            .filter(|state| state.takes_batches());
        assert_eq!(taking.collect::<Vec<_>>(), [Ready, Processing, Idle]);
    }

    #[test]
    fn the_order_of_all_is_that_of_the_table() {
        for (place, state) in WorkerState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place);
            assert_eq!(state.to_string(), format!("{state:?}").to_lowercase());
        }
    }
}
