//! What a run shows of itself, at a moment: as a whole, by process, by task, and what has happened. As JSON these are the
//! dashboard's sources.

use std::sync::{MutexGuard, PoisonError, atomic::Ordering};

use serde::Serialize;
use zenoh_pinned::bindings::own_memory_of;
use zenoh_pinned_workers::{Histogram, WorkersStatistics};

use super::{BufferFigures, Event, FailedMatrix, Running, Shared, Wish};
use crate::roles::Role;

const SERVING: [&str; 3] = ["ready", "processing", "idle"];

/// A run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineFigures {
    /// `running`, `ending`, `done`, or `failed`.
    pub state: &'static str,
    /// Why it has failed.
    pub why: Option<String>,
    /// How long it has gone on, or took.
    pub since_seconds: f64,
    /// How many matrices have got how far.
    pub matrices: MatrixFigures,
    /// Bytes of the matrices on disk before they were compressed.
    pub raw_bytes: u64,
    /// Bytes there.
    pub stored_bytes: u64,
    /// The first by the second; `None` before there are any.
    pub ratio: Option<f64>,
    /// Stored, since the run began.
    pub matrices_per_second: f64,
    /// The same in bytes before they were compressed.
    pub raw_bytes_per_second: f64,
    /// The memory.
    pub buffers: BufferFigures,
    /// The workers, in the order in which a matrix meets them.
    pub roles: Vec<RoleFigures>,
    /// Processes that have followed one that had ended.
    pub restarts: u64,
    /// Processor time of the pipeline's own process, in seconds.
    pub cpu_seconds: f64,
    /// Of each matrix.
    pub form: String,
    /// Where they go.
    pub output: String,
}

/// How many matrices have got how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MatrixFigures {
    /// How many there are to be; `None` for until somebody stops it.
    pub wanted: Option<u64>,
    /// Written into a buffer.
    pub produced: u64,
    /// Compressed.
    pub compressed: u64,
    /// On disk.
    pub stored: u64,
    /// Given up.
    pub failed: u64,
}

/// The workers of a role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleFigures {
    /// Its name.
    pub role: &'static str,
    /// How many workers there are to be.
    pub wanted: usize,
    /// How many serve.
    pub serving: usize,
    /// Processes that have followed one that had ended.
    pub restarts: u64,
    /// Processor time of all of them, in seconds.
    pub cpu_seconds: f64,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessFigures {
    /// Its role, or `pipeline`.
    pub role: &'static str,
    /// Its place among those of its role.
    pub seat: usize,
    /// Its number.
    pub pid: Option<u32>,
    /// As [`zenoh_pinned_workers::WorkerState`] writes it.
    pub state: String,
    /// How much of one processor it takes.
    pub cpu_share: f64,
    /// How much it has taken, in seconds.
    pub cpu_seconds: f64,
    /// Resident and not shared.
    pub memory_bytes: u64,
    /// Matrices that wait for a worker of its role.
    pub queued: usize,
    /// Matrices that it has.
    pub processing: usize,
    /// Matrices that it, and those before it in its place, have served.
    pub answered: u64,
    /// How often a process followed another in its place.
    pub restarts: u64,
    /// For how long it has been in its state.
    pub since_seconds: f64,
    /// Why the one before it has failed.
    pub why_failed: Option<String>,
}

/// What is done with matrices.
#[derive(Clone, Debug, Serialize)]
pub struct TaskFigures {
    /// Each task.
    pub tasks: Vec<OneTask>,
    /// The latest failures, newest last.
    pub latest_failures: Vec<FailedMatrix>,
}

/// One task: produce, compress, store.
#[derive(Clone, Debug, Serialize)]
pub struct OneTask {
    /// Its name.
    pub task: &'static str,
    /// Matrices that wait for it.
    pub waiting: usize,
    /// Matrices that workers have.
    pub running: usize,
    /// How often it was done.
    pub done: u64,
    /// How often it failed.
    pub failed: u64,
    /// How long it takes, without the wait before.
    pub mean_seconds: Option<f64>,
    /// 99 of 100 of the last minute took no longer, with the wait.
    pub p99_seconds: Option<f64>,
    /// How long it took, without the wait before.
    pub seconds: Histogram,
}

impl Running {
    /// The run as a whole.
    pub fn pipeline(&self) -> PipelineFigures {
        let shared = &*self.0;
        let progress = shared.counts.now();
        let (state, why) = shared.state();
        let seconds = shared.took().as_secs_f64();
        let roles: Vec<_> = Role::ALL.map(|role| shared.role(role)).into();
        PipelineFigures {
            state,
            why,
            since_seconds: seconds,
            matrices: MatrixFigures {
                wanted: shared.terms.count,
                produced: progress.produced,
                compressed: progress.compressed,
                stored: progress.stored,
                failed: progress.failed,
            },
            raw_bytes: progress.raw_bytes,
            stored_bytes: progress.stored_bytes,
            ratio: (progress.stored_bytes > 0)
                .then(|| progress.raw_bytes as f64 / progress.stored_bytes as f64),
            matrices_per_second: progress.stored as f64 / seconds,
            raw_bytes_per_second: progress.raw_bytes as f64 / seconds,
            buffers: shared.buffers.figures(),
            restarts: roles.iter().map(|role| role.restarts).sum(),
            roles,
            cpu_seconds: shared.times().of_role(None),
            form: shared.terms.input.form().to_string(),
            output: shared.terms.output.display().to_string(),
        }
    }

    /// Each process.
    pub fn processes(&self) -> Vec<ProcessFigures> {
        let shared = &*self.0;
        let own = shared.times().of_process(std::process::id());
        let mut processes = vec![ProcessFigures {
            role: "pipeline",
            seat: 0,
            pid: Some(std::process::id()),
            state: shared.state().0.to_owned(),
            cpu_share: own.share,
            cpu_seconds: own.seconds,
            memory_bytes: own_memory_of(std::process::id()).unwrap_or_default(),
            queued: 0,
            processing: 0,
            answered: shared.counts.now().stored,
            restarts: 0,
            since_seconds: shared.took().as_secs_f64(),
            why_failed: None,
        }];
        for role in Role::ALL {
            let WorkersStatistics {
                queued, workers, ..
            } = shared.workers(role).statistics();
            let of_role = workers.into_iter().map(|worker| {
                let taken = worker.pid.map(|pid| shared.times().of_process(pid));
                let taken = taken.unwrap_or_default();
                let memory = worker.pid.and_then(|pid| own_memory_of(pid).ok());
                ProcessFigures {
                    role: role.name(),
                    seat: worker.seat,
                    pid: worker.pid,
                    state: worker.state,
                    cpu_share: taken.share,
                    cpu_seconds: taken.seconds,
                    memory_bytes: memory.unwrap_or_default(),
                    queued,
                    processing: worker.batches,
                    answered: worker.answered,
                    restarts: worker.restarts,
                    since_seconds: worker.since,
                    why_failed: worker.why_failed,
                }
            });
            processes.extend(of_role);
        }
        processes
    }

    /// What is done with matrices.
    pub fn tasks(&self) -> TaskFigures {
        let tasks = Role::ALL.map(|role| {
            let pool = self.0.workers(role).statistics();
            let done: u64 = pool.batch_seconds.buckets.iter().sum();
            OneTask {
                task: role.task(),
                waiting: pool.queued,
                running: pool.processing,
                done: pool.answered,
                failed: pool.failed.values().sum(),
                mean_seconds: (done > 0).then(|| pool.batch_seconds.sum / done as f64),
                p99_seconds: pool.p99,
                seconds: pool.batch_seconds,
            }
        });
        TaskFigures {
            tasks: tasks.into(),
            latest_failures: self.0.counts.now().latest_failures,
        }
    }

    /// What has happened, the newest so many, and how many there were before them.
    pub fn events(&self, most: usize) -> (Vec<Event>, u64) {
        self.0.log.newest(most)
    }
}

impl Shared {
    fn times(&self) -> MutexGuard<'_, super::ProcessorTime> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In a word, and why it has failed.
    fn state(&self) -> (&'static str, Option<String>) {
        let has_ended = self.has_ended.load(Ordering::Relaxed);
        match (self.stop.now(), has_ended) {
            (Wish::GiveUp(why), _) => ("failed", Some(why)),
            (_, true) => ("done", None),
            (Wish::End, false) => ("ending", None),
            (Wish::None, false) => ("running", None),
        }
    }

    fn role(&self, role: Role) -> RoleFigures {
        let workers = self.workers(role).statistics().workers;
        let serves = |state: &str| SERVING.contains(&state);
        RoleFigures {
            role: role.name(),
            wanted: self.terms.workers[role as usize],
            serving: workers
                .iter()
                .filter(|worker| serves(&worker.state))
                .count(),
            restarts: workers.iter().map(|worker| worker.restarts).sum(),
            cpu_seconds: self.times().of_role(Some(role)),
        }
    }
}
