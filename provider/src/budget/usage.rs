//! What all processes of a host hold, and how near that is to the limit.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{Pressure, Sums, account, census::Census, cgroup, record::Record};
use crate::{
    environment::bytes_from_environment,
    figures::ProcessFigures,
    os::{
        account_file::{self, SeenAccount},
        file, limits,
        per_process::PerProcess,
    },
};

/// How old a reading may be that is only looked at.
const RECENT: Duration = Duration::from_millis(250);
/// How often figures are read that may be torn.
const FIGURES_READINGS: usize = 4;
const LIMIT_VARIABLE: &str = "ZENOH_PINNED_HOST_BYTES";

/// The limit where nobody sets another: `ZENOH_PINNED_HOST_BYTES`, else half of the machine's memory.
static DEFAULT_LIMIT: PerProcess<u64> = PerProcess::new(|| {
    bytes_from_environment(LIMIT_VARIABLE).unwrap_or_else(|| limits::physical_memory() / 2)
});

/// The limit of a host in bytes, as a pool or pinner was told, or the default.
pub(crate) fn limit(told: Option<u64>) -> u64 {
    // More than there is cannot be had, and a page that claims it would be nonsense.
    told.unwrap_or(*DEFAULT_LIMIT)
        .min(limits::physical_memory())
}

/// What the processes of one user hold on this host at a moment, of this version of the library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostUsage {
    /// Bytes of memory that exist because of this library: segments, counted at their producer, and staging
    /// slots.
    pub memory_bytes: u64,
    /// Bytes registered, counted at every process that registered them, staging slots included.
    pub registered_bytes: u64,
    /// What neither of the two may exceed, by this process's default.
    pub limit_bytes: u64,
    /// How near they are to it.
    pub pressure: Pressure,
    /// The processes that hold something.
    pub processes: Vec<ProcessUsage>,
    /// Accounts that could not be read. Their processes count in the sums with all segments that they have
    /// open and all of their private memory.
    pub unreadable_accounts: u32,
}

/// What one process holds, as it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessUsage {
    /// Its process id.
    pub pid: u32,
    /// Bytes of the segments that its pools have made.
    pub segment_bytes: u64,
    /// How many these are.
    pub segments: u64,
    /// Bytes that it has registered, staging slots included.
    pub registered_bytes: u64,
    /// In how many regions.
    pub registrations: u64,
    /// Bytes of its staging slots.
    pub staging_bytes: u64,
}

/// The account of a process, and what it shows behind it.
#[derive(Clone, Debug)]
pub(crate) struct SeenProcess {
    pub(crate) usage: ProcessUsage,
    /// When the process began, in clock ticks since boot.
    pub(crate) started: u64,
    pub(crate) figures: Option<ProcessFigures>,
}

/// The accounts as they are shown to others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) usage: HostUsage,
    pub(crate) processes: Vec<SeenProcess>,
    /// The files of those that make no sense.
    pub(crate) senseless: Vec<String>,
}

impl Shown {
    /// Those of processes that live, this one too. Unlike [`HostUsage::now`] it leaves those of the dead where they are,
    /// and trusts no file that others may write.
    ///
    /// # Errors
    /// `/dev/shm` cannot be listed, or no descriptor is left.
    pub(crate) fn now() -> std::io::Result<Self> {
        let physical_memory = limits::physical_memory();
        let (mut shown, mut census) = (Self::default(), Census::default());
        account_file::for_each(|mut seen| {
            // A segment of zenoh's that has such a name by chance has no such lock.
            if !seen.lives || !seen.is_of_this_user_alone() {
                return;
            }
            match census.count(&mut seen, physical_memory) {
                Some(record) => shown.processes.push(SeenProcess {
                    usage: ProcessUsage::of(&record),
                    started: record.start_time,
                    figures: figures_of(&seen),
                }),
                None => shown.senseless.push(seen.path()),
            }
        })?;
        shown.usage = HostUsage::of(census.held(), &census.records, census.unreadable);
        Ok(shown)
    }
}

/// `None` where it shows none; they are read again where they were being written.
fn figures_of(seen: &SeenAccount) -> Option<ProcessFigures> {
    (0..FIGURES_READINGS).find_map(|_| ProcessFigures::decode(&seen.rest()?))
}

impl HostUsage {
    /// Reads the accounts of all processes of this user: some tens of microseconds for each. Any thread.
    ///
    /// ```
    /// for process in zenoh_pinned::HostUsage::now()?.processes {
    ///     println!("{process:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `/dev/shm` cannot be listed, or no descriptor is left to open an account with.
    pub fn now() -> std::io::Result<Self> {
        let (own, census) = account::look()?;
        let held = own.held().plus(census.held());
        let records: Vec<_> = std::iter::once(own).chain(census.records).collect();
        Ok(Self::of(held, &records, census.unreadable))
    }

    fn of(held: Sums, records: &[Record], unreadable_accounts: u32) -> Self {
        let limit = limit(None);
        // Some only say what they were refused, or what they have counted.
        let holds_something = |record: &&Record| record.held() != Sums::default();
        let processes = records.iter().filter(holds_something);
        Self {
            memory_bytes: held.memory,
            registered_bytes: held.registered,
            limit_bytes: limit,
            pressure: pressure_of(held, limit, cgroup::pressure()),
            processes: processes.map(ProcessUsage::of).collect(),
            unreadable_accounts,
        }
    }
}

impl ProcessUsage {
    fn of(record: &Record) -> Self {
        Self {
            pid: record.pid,
            segment_bytes: record.segment_bytes,
            segments: record.segments,
            registered_bytes: record.registered_bytes,
            registrations: record.registrations,
            staging_bytes: record.staging_bytes,
        }
    }
}

fn pressure_of(held: Sums, limit: u64, of_cgroups: Pressure) -> Pressure {
    let folder = match file::space() {
        Some((free, total)) => Pressure::of(total.saturating_sub(free), total),
        None => Pressure::Low,
    };
    let sums = Pressure::of(held.memory.max(held.registered), limit);
    sums.max(folder).max(of_cgroups)
}

/// What a look found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The sums that everybody holds and wants.
    held: Sums,
    pub(super) wanted: Sums,
    of_cgroups: Pressure,
}

/// A reading that is at most a quarter of a second old.
pub(super) fn recently() -> Reading {
    static LAST: PerProcess<Mutex<Option<(Instant, Reading)>>> = PerProcess::new(Mutex::default);
    let mut last = LAST.lock();
    if let Some((at, reading)) = *last
        && at.elapsed() < RECENT
    {
        return reading;
    }
    let (own, census) = account::look().unwrap_or_else(|_| (Record::default(), Census::default()));
    let reading = Reading {
        held: own.held().plus(census.held()),
        wanted: census.wanted(),
        of_cgroups: cgroup::pressure(),
    };
    *last = Some((Instant::now(), reading));
    reading
}

/// The pressure in relation to a limit, from numbers that are at most a quarter of a second old.
pub(crate) fn pressure(limit: u64) -> Pressure {
    let reading = recently();
    pressure_of(reading.held, limit, reading.of_cgroups)
}
