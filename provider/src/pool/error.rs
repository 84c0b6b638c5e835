//! What can go wrong with a pool, one type per operation.

use std::{sync::Arc, time::Duration};

use super::holders::Holders;
use crate::{reason::FallbackReason, reclaim::Quarantined, segment::SegmentError};

/// Why a pool could not be built. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// No slot, or a slot of zero bytes, was asked for.
    #[error("a pool needs at least one slot of at least one byte: call slots() and slot_bytes()")]
    Empty,
    /// One slot would not fit a segment, whose offsets have 32 bits.
    #[error("a slot of {slot_bytes} bytes is too large: the largest is {max_slot_bytes} bytes")]
    SlotTooLarge {
        /// The size asked for, in bytes.
        slot_bytes: usize,
        /// The largest size possible, in bytes.
        max_slot_bytes: usize,
    },
    /// The slots together would exceed the bound.
    #[error(
        "the slots need {needed_bytes} bytes, max_bytes() allows {max_bytes}: lower slots() or slot_bytes(), or raise max_bytes()"
    )]
    OverBudget {
        /// Bytes of all slots and header pages.
        needed_bytes: u64,
        /// The bound that was given.
        max_bytes: u64,
    },
    /// zenoh cannot have shared memory in this process; a `PinnedPool` would use ordinary memory.
    #[error("zenoh cannot have shared memory here: {reason}")]
    NoSharedMemory {
        /// Why not.
        reason: FallbackReason,
    },
    /// A segment could not be made.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// Why no slot was handed out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError {
    /// Zero bytes were asked for; zenoh has no empty shared-memory buffer.
    #[error(
        "a slot of zero bytes cannot be published as shared memory: put an empty payload instead"
    )]
    ZeroBytes,
    /// No slot of the pool is that large.
    #[error(
        "a slot of {len} bytes was asked for, the pool's largest has {largest_slot_bytes}: raise slot_bytes()"
    )]
    TooLarge {
        /// Bytes asked for.
        len: usize,
        /// Size of the pool's largest slots, in bytes.
        largest_slot_bytes: usize,
    },
    /// Every slot stayed in use for the whole wait, by consumers or by this process itself.
    #[error(
        "all {slots} slots that fit {len} bytes stayed in use for {waited:?}: {holders}; raise slots() where that is as it \
         should be{}{}", growth_note(.growth), quarantine_note(.quarantine)
    )]
    TimedOut {
        /// Bytes asked for.
        len: usize,
        /// Slots of the size class.
        slots: u32,
        /// How long the call was allowed to wait.
        waited: Duration,
        /// Who has them.
        holders: Box<Holders>,
        /// Why the pool could not add a segment, where it was still allowed to.
        growth: Option<Arc<SegmentError>>,
        /// Slots that no consumer confirms to hold and that cannot be taken back yet.
        quarantine: Vec<Quarantined>,
    },
    /// Another process of this user has truncated the segment that the slot lies in: writing it would raise
    /// SIGBUS.
    #[error(
        "segment {id} of the pool has been truncated by another process of this user: build a new pool"
    )]
    Truncated {
        /// zenoh's segment id.
        id: u32,
    },
    /// The wait was ended from outside; see [`interruptible`](crate::bindings::interruptible).
    #[error("the wait for a slot was interrupted")]
    Interrupted,
    /// The thread that waits for a pool's futures could not be started; [`PinnedPool::alloc`](crate::PinnedPool::alloc)
    /// needs none.
    #[error(
        "no thread could be started to wait for a slot: {cause}; see RLIMIT_NPROC and the limits of the cgroup (pids.max)"
    )]
    NoThread {
        /// What the system said.
        cause: std::io::Error,
    },
    /// This process was forked from the one that made the pool.
    #[error(
        "the pool belongs to the process that this one was forked from: make a pool here (its frames then travel as ordinary bytes), or start processes with exec (Python: 'spawn' or 'forkserver')"
    )]
    Forked,
    /// zenoh could not provide the metadata of a shared-memory buffer.
    #[error(
        "zenoh could not describe the slot ({cause}): its metadata segment may not have been lockable, see RLIMIT_MEMLOCK"
    )]
    Metadata {
        /// What zenoh said.
        cause: String,
    },
}

fn growth_note(growth: &Option<Arc<SegmentError>>) -> String {
    match growth {
        Some(error) => format!("; the pool could not grow: {error}"),
        None => String::new(),
    }
}

fn quarantine_note(quarantine: &[Quarantined]) -> String {
    quarantine
        .iter()
        .map(|quarantined| format!("; {quarantined}"))
        .collect()
}

/// Some slots were still held when a drain gave up.
#[derive(Debug, thiserror::Error)]
#[error("{slots} slots are still held after {patience:?}: {holders}")]
#[non_exhaustive]
pub struct StillHeld {
    /// Number of slots still in use.
    pub slots: u32,
    /// How long was waited.
    pub patience: Duration,
    /// Who holds them.
    pub holders: Holders,
}
