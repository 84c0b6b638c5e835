//! How a pipeline begins: its workers' processes, and the threads that have them work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use zenoh::Session;
use zenoh_pinned_workers::{WorkerEvent, Workers};

use super::{
    Pipeline, PipelineError, PipelineTerms, Shared, Stop, buffers::Buffers, counts::Counts, keep,
    log::Log, run_lane,
};
use crate::{roles::Role, store::Store};

/// How long a worker may take for one matrix: zstd at its highest level needs minutes for a large one.
const LONGEST_TASK: Duration = Duration::from_secs(1800);
/// How long a worker that has died is waited for with, at first and at most.
const RESTARTS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// How long the first matrix waits for all workers to be ready.
const READY_WITHIN: Duration = Duration::from_secs(1);
/// How long a worker that is asked to end may take. What it had is on disk by then, or given up.
const GRACE: Duration = Duration::from_millis(500);

impl Pipeline {
    /// Starts the workers, and the first matrices on their way, which go into `store`.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub fn start(
        session: &Session,
        terms: PipelineTerms,
        store: Store,
        stop: &Stop,
    ) -> Result<Self, PipelineError> {
        let started = Instant::now();
        let form = terms.input.form();
        let buffers = Buffers::new(terms.buffers.clone(), form, terms.encoding)?;
        let log = Arc::new(Log::new(started));
        let count = terms.count.map_or_else(
            || String::from("matrices until somebody stops it"),
            |count| format!("{count} matrices"),
        );
        let output = terms.output.display();
        log.info(format!("{count} of {form} go to {output}"));
        let lanes = lanes(&terms);
        let pool = |role| start_workers(session, &terms, role, lanes, &log);
        let pools = [
            pool(Role::Producer)?,
            pool(Role::Compressor)?,
            pool(Role::Writer)?,
        ];
        for (workers, pool) in terms.workers.iter().zip(&pools) {
            let left = READY_WITHIN.saturating_sub(started.elapsed());
            pool.wait_until_ready(*workers, left);
        }
        let shared = Arc::new(Shared {
            store,
            pools,
            buffers,
            counts: Counts::new(started),
            log,
            stop: stop.clone(),
            begun: Instant::now(),
            lane_ended: Mutex::default(),
            next: Default::default(),
            failed_in_a_row: Default::default(),
            has_ended: Default::default(),
            noted: Mutex::default(),
            times: Mutex::default(),
            terms,
        });
        let spawn = |name: String, run: fn(&Shared)| {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(name);
            let thread = thread.spawn(move || run(&shared));
            thread.map_err(PipelineError::Thread)
        };
        let mut pipeline = Self {
            shared: shared.clone(),
            lanes: Vec::new(),
            keeper: Some(spawn(String::from("keeper"), keep)?),
        };
        for lane in 0..lanes {
            // Where one cannot be started, the pipeline's end waits for those before it.
            let lane = spawn(format!("lane-{lane}"), run_lane)?;
            pipeline.lanes.push(lane);
        }
        Ok(pipeline)
    }
}

/// How many matrices are under way: with two buffers each, and one or two buffers more for what is on its way back. More than
/// there are workers keep nobody busier.
fn lanes(terms: &PipelineTerms) -> usize {
    let by_buffers = (terms.buffers.most.saturating_sub(1) / 2) as usize;
    by_buffers.min(terms.workers.iter().sum()).max(1)
}

fn start_workers(
    session: &Session,
    terms: &PipelineTerms,
    role: Role,
    lanes: usize,
    log: &Arc<Log>,
) -> Result<Workers, PipelineError> {
    let at = role as usize;
    let workers = terms.workers[at];
    let log = log.clone();
    let known: Mutex<HashMap<usize, u32>> = Mutex::default();
    let spawned = move |worker: &WorkerEvent| {
        let (seat, pid) = (worker.seat, worker.pid.unwrap_or(0));
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.insert(seat, pid) {
            None => log.info(format!("{role} {seat} is process {pid}")),
            Some(ended) => log.warning(format!(
                "{role} {seat} (process {ended}) has ended, process {pid} is in its place"
            )),
        }
    };
    let pool = Workers::builder(role.name())
        .command(terms.commands[at].clone())
        .range(workers..=workers)
        .queue(2 * lanes + 16)
        // The wait for all who are before it as well.
        .deadline(LONGEST_TASK * (lanes as u32 + 1))
        .answer_within(LONGEST_TASK)
        .restart_after(RESTARTS.0, RESTARTS.1)
        .grace(GRACE)
        .on_spawn(spawned)
        .build(session);
    pool.map_err(|error| PipelineError::Workers { role, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        encoding::Encoding,
        input::{Input, Kind},
        matrix::{ElementType, Form, Shape},
        pipeline::BufferTerms,
    };

    #[test]
    fn as_many_matrices_are_under_way_as_buffers_and_workers_are_for() {
        let form = Form::new(Shape::new(1, 1).unwrap(), ElementType::U8).unwrap();
        let lanes_of = |most, workers| {
            lanes(&PipelineTerms {
                input: Input::generated(Kind::Ramp, form, 0),
                count: None,
                encoding: Encoding::new(3, false).unwrap(),
                output: "output".into(),
                workers,
                commands: Default::default(),
                buffers: BufferTerms {
                    most,
                    bytes: 1,
                    reuse: true,
                    cleanup_interval: Duration::ZERO,
                },
            })
        };
        let of_six = [2, 3, 4, 5, 12, 13, 20].map(|most| lanes_of(most, [2, 2, 2]));
        assert_eq!(of_six, [1, 1, 1, 2, 5, 6, 6]);
        assert_eq!(lanes_of(4096, [64, 64, 64]), 192);
    }
}
