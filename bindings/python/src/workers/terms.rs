//! What a pool of workers is to be, as Python says it.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use zenoh_pinned_workers::{
    BreakerTerms, EvictReason, Payload as Bytes, ScalingTerms, WorkerEvent, Workers, WorkersBuilder,
};

use super::{
    events::{Event, Telling},
    payload::{Prepared, frame_of},
};
use crate::{
    sizes::{amount, seconds},
    target::Target,
};

/// All arguments of `zenoh_pinned.workers.Workers`, in seconds and bytes.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Terms<'py> {
    command: Vec<std::ffi::OsString>,
    environment: BTreeMap<String, String>,
    range: (i128, i128),
    predictive: bool,
    aim_wait: f64,
    idle_after: f64,
    shrink_after: f64,
    batch: i128,
    delay: f64,
    queue: i128,
    credits: i128,
    deadline: f64,
    load_within: f64,
    answer_within: f64,
    grace: f64,
    ping_every: f64,
    processors: Vec<i128>,
    numa: bool,
    huge_pages: bool,
    worker_bytes: Option<i128>,
    memory_limit: Option<f64>,
    p99_within: Option<f64>,
    breaker_failures: i128,
    breaker_open_for: f64,
    breaker_longest: f64,
    breaker_successes: i128,
    deep_check: Option<Bound<'py, PyAny>>,
    deep_check_every: f64,
    deep_check_is_right: Bound<'py, PyAny>,
    /// Whether somebody wants to be told of every answer.
    tells_completed: bool,
}

impl Terms<'_> {
    /// # Errors
    /// `ValueError` for amounts and times that are none, and what [`Prepared::of`] raises.
    pub(super) fn builder(self, name: &str) -> PyResult<WorkersBuilder> {
        let (least, most) = self.range;
        let mut builder = Workers::builder(name)
            .command(self.command)
            .scaling(ScalingTerms {
                least: amount("range[0]", least)?,
                most: amount("range[1]", most)?,
                aim_wait: seconds(self.aim_wait)?,
                idle_after: seconds(self.idle_after)?,
                shrink_after: seconds(self.shrink_after)?,
            })
            .breaker(BreakerTerms {
                failures: amount("breaker_failures", self.breaker_failures)?,
                open_for: seconds(self.breaker_open_for)?,
                longest: seconds(self.breaker_longest)?,
                successes: amount("breaker_successes", self.breaker_successes)?,
            })
            .predictive(self.predictive)
            .batch(amount("batch", self.batch)?, seconds(self.delay)?)
            .queue(amount("queue", self.queue)?)
            .credits(amount("credits", self.credits)?)
            .deadline(seconds(self.deadline)?)
            .load_within(seconds(self.load_within)?)
            .answer_within(seconds(self.answer_within)?)
            .grace(seconds(self.grace)?)
            .ping_every(seconds(self.ping_every)?)
            .numa(self.numa)
            .huge_pages(self.huge_pages);
        for (variable, value) in self.environment {
            builder = builder.environment(variable, value);
        }
        let processors = self.processors.into_iter();
        let processors = processors.map(|number| amount("processors", number));
        builder = builder.processors(processors.collect::<PyResult<Vec<usize>>>()?);
        if let Some(bytes) = self.worker_bytes {
            builder = builder.worker_bytes(amount("worker_bytes", bytes)?);
        }
        if let Some(share) = self.memory_limit {
            builder = builder.memory_limit(share);
        }
        if let Some(limit) = self.p99_within {
            builder = builder.p99_within(seconds(limit)?);
        }
        if let Some(payload) = self.deep_check {
            let is_right = self.deep_check_is_right.unbind();
            let ordinary = |bytes| Err(no_slot(bytes));
            let payload = match Prepared::of(&payload)? {
                Prepared::Copy(imported) => Bytes::from(imported.as_ref()),
                ready => ready
                    .into_payload(ordinary)
                    .unwrap_or_else(|_| Bytes::from("")),
            };
            let every = seconds(self.deep_check_every)?;
            builder = builder.deep_check(payload, every, move |answer| says(&is_right, answer));
        }
        Ok(builder)
    }

    pub(super) fn tells_completed(&self) -> bool {
        self.tells_completed
    }
}

fn no_slot(bytes: usize) -> zenoh_pinned_workers::RequestError {
    let why = format!("none is made for {bytes} bytes");
    zenoh_pinned_workers::RequestError::NoMemory { why }
}

/// What the application says to an answer. Nobody is judged once the interpreter ends.
fn says(is_right: &Py<PyAny>, answer: &Bytes) -> bool {
    let asked = Python::try_attach(|py| {
        let asked = || -> PyResult<bool> {
            let (answer, attachment) = (answer.clone(), answer.attachment().to_vec());
            let frame = py.detach(|| frame_of(answer, Target::Host, attachment))?;
            is_right.call1(py, (frame,))?.is_truthy(py)
        };
        asked().unwrap_or_else(|error| {
            error.write_unraisable(py, Some(is_right.bind(py)));
            false
        })
    });
    asked.unwrap_or(true)
}

/// Has everything told that the application may be told of.
pub(super) fn told_by(
    builder: WorkersBuilder,
    telling: &std::sync::Arc<Telling>,
    tells_completed: bool,
) -> WorkersBuilder {
    let tells = |name: &'static str| {
        let telling = telling.clone();
        move |event: &WorkerEvent, reason: Option<String>| {
            telling.tell(Event::Worker(name, event.clone(), reason));
        }
    };
    let (spawn, ready, evict) = (tells("spawn"), tells("ready"), tells("evict"));
    let builder = builder
        .on_spawn(move |event| spawn(event, None))
        .on_ready(move |event| ready(event, None))
        .on_evict(move |event, reason: EvictReason| evict(event, Some(reason.to_string())));
    if !tells_completed {
        return builder;
    }
    let telling = telling.clone();
    builder.on_complete(move |completed| telling.tell(Event::of_completed(completed)))
}
