//! What the workers of the benchmark do.

use std::time::Duration;

use zenoh_pinned_workers::{Batch, Payload, Worker, WorkersBuilder};

use crate::Outcome;

/// What an engine takes that has a cost of its own, however large the batch is.
pub const COST: Duration = Duration::from_millis(5);

/// As long as a peer's engine takes whose worker is killed.
const HELD: Duration = Duration::from_millis(20);

fn who(batch: &Batch) -> Vec<zenoh_pinned_workers::Answer> {
    let pid = std::process::id().to_string();
    batch
        .iter()
        .map(|_| Ok(Payload::from(pid.as_str())))
        .collect()
}

pub fn serve(engine: &str) -> Outcome {
    let worker = Worker::connect()?;
    let first_bytes = |batch: &Batch, bytes: usize| {
        let answers = batch.iter().map(|request| {
            let end = bytes.min(request.payload.len());
            Ok(Payload::from(&request.payload[..end]))
        });
        answers.collect()
    };
    match engine {
        "nothing" => worker.serve(|batch| first_bytes(batch, 8))?,
        "echo" => worker.serve(|batch| first_bytes(batch, 64))?,
        "costly" => worker.serve(|batch| {
            std::thread::sleep(COST);
            first_bytes(batch, 8)
        })?,
        "who" => worker.serve(who)?,
        "held" => worker.serve(|batch| {
            std::thread::sleep(HELD);
            who(batch)
        })?,
        _ => return Err(format!("there is no engine {engine}").into()),
    }
    Ok(())
}

/// A pool with one of these engines.
pub fn pool(engine: &str) -> Outcome<WorkersBuilder> {
    let program = std::env::current_exe()?;
    let arguments = ["worker".into(), engine.into()];
    let command = std::iter::once(program.into_os_string()).chain(arguments);
    Ok(zenoh_pinned_workers::Workers::builder(engine).command(command))
}
