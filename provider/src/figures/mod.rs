//! What a process counts of its frames, pools and copies, for others to see.
//!
//! Holds: counters of frames by path and by reason, and of the time from put to hand (`counting`); the list of this process's pools
//! and pinners, which are asked for theirs once a second (`sources`); and how all of it looks in the page that
//! `budget`'s account shows (`page`). Stands on `os` and `reason`.
//!
//! What it costs: two or three relaxed additions a frame, looking up its path where no copy has (when it is dropped), and
//! once a second one write of a page's rest by the thread that tends the account anyway. Nothing is mapped and nobody is
//! asked.

mod counting;
mod page;
mod sources;

pub(crate) use counting::{count_copy, count_frame, count_hand_over};
pub(crate) use page::FiguresPage;
pub(crate) use sources::{HasFigures, any_source, register};

use std::time::Duration;

/// What a process has counted since it began, and has at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessFigures {
    /// Frames that were received, by their way to the device.
    pub frames: PathFigures,
    /// Why frames did not go direct: the most frequent first.
    pub reasons: Vec<ReasonFigures>,
    /// Copies to a device that were enqueued.
    pub copies: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Copies whose source is still held.
    pub copies_in_flight: u64,
    /// Holds that stay until the process ends, because their copy's end cannot be known.
    pub holds_leaked: u64,
    /// How long frames took from put to hand.
    pub hand_over: HandOverFigures,
    /// The pools that this process has made.
    pub pools: Vec<PoolFigures>,
}

/// Frames by path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathFigures {
    /// See [`DevicePath::Direct`](crate::DevicePath::Direct), and so on.
    pub direct: u64,
    /// Copied into a staging slot.
    pub staged: u64,
    /// Copied by the driver out of memory that it does not know.
    pub pageable: u64,
    /// No device.
    pub host: u64,
}

/// Frames that had one reason not to go direct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReasonFigures {
    /// The variant's name in words joined by `_`, such as `over_budget`.
    pub kind: &'static str,
    /// How many.
    pub frames: u64,
    /// The latest in its own words, with its numbers and the remedy; cut where it is long.
    pub latest: String,
}

/// How many frames took up to how long, from put to hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandOverFigures {
    /// Frames that took longer than the bound before and at most [`HAND_OVER_BOUNDS`] at the same place; the last has no
    /// bound.
    pub buckets: [u64; HAND_OVER_BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

/// Upper bounds of [`HandOverFigures::buckets`] in microseconds.
pub const HAND_OVER_BOUNDS: [u64; 13] = [
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000,
];

/// What a pool has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolFigures {
    /// Its name, cut where it is long; as in its segments' header pages.
    pub name: String,
    /// Slots that it may have, over all size classes.
    pub slots: u32,
    /// Slots that are being written, on their way, or held.
    pub in_use: u32,
    /// Of these, those that nobody confirms and whose holder is not proven to be gone.
    pub quarantined: u32,
    /// Why, for the most frequent reason; empty where there is none.
    pub quarantine_reason: String,
    /// Slots handed out.
    pub allocations: u64,
    /// Allocations that waited.
    pub waits: u64,
    /// Allocations that failed because their deadline passed.
    pub timeouts: u64,
    /// Time spent waiting.
    pub waited: Duration,
    /// Slots taken back from consumers that had died.
    pub reclaimed: u64,
    /// Releases that named no allocated slot.
    pub rejected_releases: u64,
}
