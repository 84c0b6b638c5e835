//! A request's trace: from being accepted to its answer, to any collector of OpenTelemetry (`zenoh_pinned_observe::Traces`).

use std::{sync::Arc, time::Instant};

use zenoh_pinned::bindings::trace::{self, TraceContext};

use crate::request::Outcome;

/// A trace of its own for a request, where somebody wants traces; zeroes where nobody does.
pub(crate) fn begin_request(number: u64, instance: u64) -> (u128, u64) {
    if trace::begin().is_none() {
        return (0, 0);
    }
    let context = TraceContext::of_frame(u128::from(instance), 0, number as u32);
    (context.trace, context.span)
}

/// Tells of a request that has its answer.
pub(super) fn tell_request(
    (trace, span): (u128, u64),
    accepted: Instant,
    pool: &Arc<str>,
    outcome: &Outcome,
) {
    if trace == 0 {
        return;
    }
    let bytes = outcome.as_ref().map_or(0, |payload| payload.len());
    let kind = outcome.as_ref().err().map_or("", |error| error.kind());
    trace::tell_step(
        "request",
        TraceContext { trace, span },
        0,
        accepted.elapsed(),
        pool,
        bytes,
        kind,
    );
}
