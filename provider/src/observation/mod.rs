//! What this host shows of this library's pools, frames and processes to whoever looks, without asking any of them.
//!
//! Stands on everything else: the accounts (`budget`), the header pages (`segment`), zenoh's reference counts, the
//! inboxes (`line`), and the figures that each process writes behind its account once a second (`figures`).
//!
//! Who may write what: whoever looks writes nothing, takes no lock that another process could wait for, and maps nothing:
//! files are read, so one that is cut while it is read costs a short read and no SIGBUS.
//!
//! Invariants:
//! - Everything that is read is checked before it is used. What makes no sense is listed as [`Unreadable`] with its file,
//!   and hides nothing else.
//! - Only files that this user alone may open are looked at, so another user's are not seen.
//! - A look takes no longer than what it finds is large: no waiting on a peer.
//!
//! Knowingly weak: a look is no snapshot. Slots change while it is taken, so sums can be off by what happened meanwhile.
//! zenoh does not say who holds a slot; who has its segment attached is known, and how many references are out. A process
//! of the same user can write a well-formed lie.

mod processes;
mod segments;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use segments::Found;

use crate::{
    HostUsage, ProcessUsage,
    budget::{SeenProcess, Shown},
    figures::ProcessFigures,
    line::Overflow,
    os::{file, locks},
};

/// Looks at this host, as far as this user's processes are concerned. Reads the first pages of each of zenoh's files, 1 MiB
/// more for each process that has made a pool, and the kernel's list of locks. Any thread.
///
/// # Errors
/// `/dev/shm` or `/proc/locks` cannot be read, or no descriptor is left.
pub fn observe() -> io::Result<Observation> {
    let shown = Shown::now()?;
    let mut found = Found::now()?;
    let locks = locks::by_file()?;
    let mut known = BTreeMap::new();
    for (identity, segment) in &mut found.segments {
        let mut holders = locks.get(identity).cloned().unwrap_or_default();
        // Its producer's own lock.
        holders.remove(&segment.producer.pid);
        segment.attached = holders
            .into_iter()
            .map(|pid| {
                let process = known.entry(pid).or_insert_with(|| Identified::now(pid));
                process.clone()
            })
            .collect();
    }
    let segments: Vec<_> = found
        .segments
        .into_iter()
        .map(|(_, segment)| segment)
        .collect();
    let unreadable = shown.senseless.into_iter().map(|file| Unreadable {
        file,
        why: "it is the account of a process that lives, and makes no sense",
    });
    Ok(Observation {
        usage: shown.usage,
        shared_memory: file::space(),
        processes: processes(shown.processes, &segments),
        segments,
        queues: found.queues,
        unreadable: found.unreadable.into_iter().chain(unreadable).collect(),
    })
}

/// Those with an account, and those that only have a pool's memory attached.
fn processes(accounts: Vec<SeenProcess>, segments: &[ObservedSegment]) -> Vec<ObservedProcess> {
    let mut processes: Vec<_> = accounts
        .into_iter()
        .map(|account| ObservedProcess {
            process: Identified::by_start(account.usage.pid, account.started),
            usage: account.usage,
            figures: account.figures,
        })
        .collect();
    let listed: BTreeSet<_> = processes.iter().map(|listed| listed.process.pid).collect();
    let attached: BTreeSet<_> = segments
        .iter()
        .flat_map(|segment| &segment.attached)
        .collect();
    let only_attached = attached
        .into_iter()
        .filter(|process| !listed.contains(&process.pid));
    processes.extend(only_attached.map(|process| ObservedProcess {
        process: process.clone(),
        ..ObservedProcess::default()
    }));
    processes.sort_by_key(|listed| listed.process.pid);
    processes
}

/// What one look shows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observation {
    /// What all processes hold together, and the limit.
    pub usage: HostUsage,
    /// Free and total bytes of `/dev/shm`; `None` where it is no file system.
    pub shared_memory: Option<(u64, u64)>,
    /// The segments of all pools, those whose producer has ended included.
    pub segments: Vec<ObservedSegment>,
    /// Processes that make, hold or receive something.
    pub processes: Vec<ObservedProcess>,
    /// Where subscribers' lines end.
    pub queues: Vec<ObservedQueue>,
    /// Files that look like ours and say what cannot be.
    pub unreadable: Vec<Unreadable>,
}

/// A process, by what names it for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Identified {
    /// Its number in this pid namespace, or in its own where it is not seen from here.
    pub pid: u32,
    /// When it began, in clock ticks since boot; zero where that is not known.
    pub started: u64,
    /// As the kernel names it; empty where it does not show.
    pub name: String,
    /// Whether it is there, as far as can be seen.
    pub lives: bool,
}

/// A segment of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedSegment {
    /// zenoh's segment id, which is also the file's name: `/dev/shm/<id>.zenoh`.
    pub id: u32,
    /// The pool's name.
    pub pool: String,
    /// Who made it.
    pub producer: Identified,
    /// Bytes of each slot.
    pub slot_bytes: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Allocations that wait for a slot at this moment.
    pub waiting: u32,
    /// Slot by slot.
    pub slots: Vec<SlotState>,
    /// The other processes that have it attached: whoever holds a slot is one of them, or its producer.
    pub attached: Vec<Identified>,
}

/// What zenoh's reference counts say of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Nobody holds it.
    Free,
    /// References are out: it is being written, on its way, or with consumers.
    Held {
        /// How many.
        references: u32,
    },
    /// References are out that nobody confirms: their holders died or stand still. The producer takes it back once that
    /// is proven; until then it is in quarantine.
    Unconfirmed {
        /// How many.
        references: u32,
    },
}

/// A process and what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedProcess {
    /// Which.
    pub process: Identified,
    /// What it holds, as its account says.
    pub usage: ProcessUsage,
    /// What it has counted; `None` where it does not say, or what it says makes no sense.
    pub figures: Option<ProcessFigures>,
}

/// A subscriber's inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedQueue {
    /// The file's number: `/dev/shm/<id>.zenoh`.
    pub id: u32,
    /// Who reads it.
    pub subscriber: Identified,
    /// Unread frames that each lane has room for.
    pub capacity: u32,
    /// What happens to a frame for which there is no room.
    pub overflow: Overflow,
    /// One for each publisher.
    pub lanes: Vec<ObservedLane>,
}

/// One publisher's way into an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedLane {
    /// Who writes it.
    pub publisher: Identified,
    /// The publisher's key expression.
    pub key: String,
    /// Frames written so far.
    pub written: u64,
    /// Of these, unread.
    pub unread: u64,
    /// Of these, overwritten before they were read.
    pub dropped: u64,
}

/// A file that looks like one of this library's and cannot be read as such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// Its path.
    pub file: String,
    /// What does not fit.
    pub why: &'static str,
}
