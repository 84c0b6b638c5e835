//! The pipeline: three pools of worker processes, and the lanes that take each matrix from one to the next.
//!
//! Holds: the pools, the buffers, the store's checksums, what has happened and been counted.
//!
//! Threads: a lane for each matrix that may be under way, and one that looks after figures and the store once a second.
//!
//! Locks: one mutex around checksums and failed numbers, held while the former are written; each part has its own besides,
//! and none is held while another is taken.
//!
//! Invariants:
//! - A matrix is taken by one lane. It is stored, or named as failed, or the run was given up.
//! - What matrices and their compressed forms lie in is the buffers', whose number and bytes are bounded.
//! - When the last [`Running`] has gone no process of it is left.

mod buffers;
mod counts;
mod figures;
mod lane;
mod log;
mod processor_time;
mod starting;
mod stop;

use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use zenoh_pinned_workers::{BuildError, Workers};

pub use buffers::{BufferError, BufferFigures, BufferTerms, MOST_MEGABYTES, needed};
pub use counts::{FailedMatrix, Progress};
pub use figures::{
    MatrixFigures, OneTask, PipelineFigures, ProcessFigures, RoleFigures, TaskFigures,
};
pub use log::Event;
pub use stop::{Stop, Wish};

use crate::{
    encoding::Encoding,
    input::Input,
    roles::Role,
    store::{Checksums, Finished, Store, StoreError},
};
use buffers::Buffers;
use counts::Counts;
use log::Log;
use processor_time::ProcessorTime;

const EACH_SECOND: Duration = Duration::from_secs(1);

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct PipelineTerms {
    /// Where the matrices come from.
    pub input: Input,
    /// How many of them; `None` for until somebody stops it.
    pub count: Option<u64>,
    /// How they are compressed.
    pub encoding: Encoding,
    /// Where they go.
    pub output: PathBuf,
    /// How many workers of each role.
    pub workers: [usize; 3],
    /// The command of each role's workers.
    pub commands: [Vec<OsString>; 3],
    /// The memory.
    pub buffers: BufferTerms,
}

/// Why a pipeline does not start.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The buffers cannot be had.
    #[error(transparent)]
    Buffers(#[from] BufferError),
    /// The session to the workers cannot be opened, or the like.
    #[error("The {role}s cannot be started: {error}")]
    Workers {
        /// Whose.
        role: Role,
        /// Why.
        error: BuildError,
    },
    /// The kernel gives no thread.
    #[error("A thread cannot be started ({0}): raise the limit on processes (ulimit -u).")]
    Thread(std::io::Error),
}

/// A run that goes on. Its processes end when it and every [`Running`] of it have gone.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    lanes: Vec<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    terms: PipelineTerms,
    store: Store,
    /// In the order of the roles.
    pools: [Workers; 3],
    buffers: Buffers,
    counts: Counts,
    log: Arc<Log>,
    stop: Stop,
    /// When the first matrix was, and the latest lane has ended.
    begun: Instant,
    lane_ended: Mutex<Option<Instant>>,
    next: AtomicU64,
    /// By role: how many matrices have failed with it since one has succeeded.
    failed_in_a_row: [AtomicU32; 3],
    has_ended: AtomicBool,
    noted: Mutex<Noted>,
    times: Mutex<ProcessorTime>,
}

/// What is written into the store from time to time.
#[derive(Debug, Default)]
struct Noted {
    checksums: Checksums,
    failed: Vec<u64>,
    /// One more than the largest number that is stored.
    count: u64,
}

impl Pipeline {
    /// Waits until every matrix is stored or failed, or the run was stopped; calls `look` meanwhile, several times a second.
    ///
    /// # Errors
    /// The store cannot be finished. What it has is on disk all the same.
    pub fn finish(
        mut self,
        mut look: impl FnMut(&Running),
    ) -> (PipelineFigures, Result<Finished, StoreError>) {
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let running = self.running();
        while self.lanes.iter().any(|lane| !lane.is_finished()) {
            look(&running);
            std::thread::sleep(LOOK_EVERY);
        }
        self.join();
        let stored = self.shared.counts.now().stored;
        self.shared
            .log
            .info(format!("{stored} matrices are stored"));
        let finished = self.shared.finish();
        look(&running);
        (running.pipeline(), finished)
    }

    /// To be asked from other threads while the run goes on, and afterwards.
    pub fn running(&self) -> Running {
        Running(self.shared.clone())
    }

    fn join(&mut self) {
        let lanes = std::mem::take(&mut self.lanes);
        for thread in lanes {
            if thread.join().is_err() {
                self.shared
                    .stop
                    .give_up("a fault of this program: see the message above");
            }
        }
        self.shared.look_at_processes();
        // Relaxed: the lanes have been joined.
        self.shared.has_ended.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if !self.lanes.is_empty() || self.keeper.is_some() {
            self.shared.stop.give_up("the pipeline was dropped");
            self.join();
        }
    }
}

/// A run, as others may look at it.
#[derive(Clone, Debug)]
pub struct Running(Arc<Shared>);

impl Shared {
    fn workers(&self, role: Role) -> &Workers {
        &self.pools[role as usize]
    }

    /// The number of the next matrix to be begun, if one is to be.
    fn next(&self) -> Option<u64> {
        if self.stop.is_wished() {
            return None;
        }
        // Relaxed: each number is given out once, and orders nothing.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.terms
            .count
            .is_none_or(|count| number < count)
            .then_some(number)
    }

    /// How long the run has gone on, or took.
    fn took(&self) -> Duration {
        let latest = *self
            .lane_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ended = latest.filter(|_| self.has_ended.load(Ordering::Relaxed));
        let ended = ended.unwrap_or_else(Instant::now);
        ended.saturating_duration_since(self.begun)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        // Whole between any two statements.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self, number: u64, checksum: u32) {
        let mut noted = self.noted();
        noted.checksums.note(number, checksum);
        noted.count = noted.count.max(number + 1);
    }

    fn failed(&self, number: u64, role: Role, why: &str) {
        self.counts.failed(number, role, why);
        self.noted().failed.push(number);
    }

    /// Writes what the store is to know by now, so that little is missing if this process is killed.
    fn write_noted(&self) -> Result<(), StoreError> {
        let mut noted = self.noted();
        if self.terms.count.is_none() {
            self.store.grow(noted.count)?;
        }
        noted.checksums.write(&self.store)
    }

    fn look_at_processes(&self) {
        let mut processes = vec![(std::process::id(), None)];
        for role in Role::ALL {
            let workers = self.workers(role).statistics().workers;
            let living = workers.into_iter().filter_map(|worker| worker.pid);
            processes.extend(living.map(|pid| (pid, Some(role))));
        }
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.look(&processes, Instant::now(), processor_time::of_kernel);
    }

    /// Gives the run up where a role that has served has nobody any more, as where memory is so short that none is started.
    fn look_for_standstill(&self, served: &mut [Instant; 3]) {
        for role in Role::ALL {
            let pool = self.workers(role).statistics();
            let serves = pool.not_ready.is_none() || pool.answered == 0;
            let since = &mut served[role as usize];
            if serves {
                *since = Instant::now();
            } else if since.elapsed() > lane::NOBODY_MORE_FOR {
                let why = pool.not_ready.unwrap_or_default();
                self.stop.give_up(format!(
                    "the {role}s: none has served for {:?}: {why}",
                    lane::NOBODY_MORE_FOR
                ));
            }
        }
    }

    fn finish(&self) -> Result<Finished, StoreError> {
        self.write_noted()?;
        let failed = self.noted().failed.clone();
        self.store.finish(&failed)
    }
}

/// Takes matrices until there are no more.
fn run_lane(shared: &Shared) {
    lane::run(shared);
    let latest = shared.lane_ended.lock();
    *latest.unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// What is done once a second.
fn keep(shared: &Shared) {
    let mut served = [Instant::now(); 3];
    while !shared.has_ended.load(Ordering::Relaxed) {
        shared.look_at_processes();
        shared.look_for_standstill(&mut served);
        if let Err(error) = shared.write_noted() {
            shared.stop.give_up(error.to_string());
        }
        std::thread::park_timeout(EACH_SECOND);
    }
}
