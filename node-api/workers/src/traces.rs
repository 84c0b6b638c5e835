//! A request's trace, from being asked to its answer, to any collector of OpenTelemetry (`zenoh_pinned_observe::Traces`).
//!
//! | span | whose | what it lasts |
//! |---|---|---|
//! | `request` | of whoever asks | from asking to the answer |
//! | `supervise` | of the supervisor, for a client's request | from being accepted to its answer |
//! | `queue` | of the supervisor | from being accepted to being drawn |
//! | `serve` | of the worker | its batch, from being read to being answered |
//!
//! The last three are children of the first. Each process tells its own; the ids go with the messages. Where nobody wants
//! traces, the ids are zero and nothing is told.

use std::time::Duration;

use zenoh_pinned::bindings::trace::{self, TraceContext};

use crate::request::Outcome;

/// Trace and span of a request; zero for none.
pub(crate) type Ids = (u128, u64);

/// A trace of its own for a request, where somebody wants traces. `asking` and `number` name it.
pub(crate) fn begin(asking: u64, number: u64) -> Ids {
    if trace::begin().is_none() {
        return (0, 0);
    }
    let context = TraceContext::of_frame(u128::from(asking), (number >> 32) as u32, number as u32);
    (context.trace, context.span)
}

/// Tells of a request of this process's own, that has its answer.
pub(crate) fn tell_request(ids: Ids, took: Duration, pool: &str, outcome: &Outcome) {
    if let Some(context) = context(ids) {
        let bytes = outcome.as_ref().map_or(0, |payload| payload.len());
        let kind = outcome.as_ref().err().map_or("", |error| error.kind());
        trace::tell_step("request", context, 0, took, pool, bytes, kind);
    }
}

/// Tells of a part of a request's way, which has ended now.
pub(crate) fn tell_part(
    name: &str,
    ids: Ids,
    took: Duration,
    pool: &str,
    bytes: usize,
    reason: &str,
) {
    if let Some(context) = context(ids) {
        trace::tell_step(
            name,
            context.child(),
            context.span,
            took,
            pool,
            bytes,
            reason,
        );
    }
}

fn context((trace, span): Ids) -> Option<TraceContext> {
    (trace != 0).then_some(TraceContext { trace, span })
}
