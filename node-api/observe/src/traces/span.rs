//! What is told of a frame, as a span of OpenTelemetry.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The fields of an event; see `zenoh_pinned`'s `trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: u64,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) bytes: u64,
    pub(super) key: String,
    pub(super) path: String,
    pub(super) reason: String,
}

/// Which traces are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampling {
    /// Those whose lower half, without its highest bit, is below.
    below: u64,
}

impl Sampling {
    /// Specified by OpenTelemetry's `TraceIdRatioBased`; what is no share is all or nothing.
    pub(super) fn of_ratio(ratio: f64) -> Self {
        let shares = (1u64 << 63) as f64;
        // A conversion of this kind ends at the type's bounds, and makes zero of what is no number.
        let below = (ratio.clamp(0.0, 1.0) * shares) as u64;
        Self { below }
    }

    pub(super) fn wants(self, trace: u128) -> bool {
        (trace as u64) >> 1 < self.below
    }
}

impl Told {
    /// Names by OpenTelemetry's conventions for messaging.
    pub(super) fn into_span(self, scope: &InstrumentationScope) -> SpanData {
        let span_kind = match self.name.as_str() {
            "put" => SpanKind::Producer,
            "receive" => SpanKind::Consumer,
            _ => SpanKind::Internal,
        };
        let context = SpanContext::new(
            TraceId::from(self.trace),
            SpanId::from(self.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let bytes = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        let mut attributes = vec![KeyValue::new("messaging.message.body.size", bytes)];
        for (name, value) in [
            ("messaging.destination.name", &self.key),
            ("zenoh_pinned.path", &self.path),
            ("zenoh_pinned.reason", &self.reason),
        ] {
            if !value.is_empty() {
                attributes.push(KeyValue::new(name, value.clone()));
            }
        }
        if matches!(span_kind, SpanKind::Producer | SpanKind::Consumer) {
            attributes.push(KeyValue::new("messaging.system", "zenoh"));
        }
        let name = match self.key.is_empty() {
            true => self.name,
            false => format!("{} {}", self.name, self.key),
        };
        SpanData {
            span_context: context,
            parent_span_id: SpanId::from(self.parent),
            parent_span_is_remote: span_kind == SpanKind::Consumer,
            span_kind,
            name: name.into(),
            start_time: at(self.began),
            end_time: at(self.ended),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: scope.clone(),
        }
    }
}

fn at(nanoseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_traces_is_wanted_and_the_same_ones_by_everybody() {
        let trace = |number: u64| u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let wanted = |ratio: f64| {
            let sampling = Sampling::of_ratio(ratio);
            (0..10_000)
                .filter(|number| sampling.wants(trace(*number)))
                .count()
        };
        assert_eq!((wanted(1.0), wanted(0.0)), (10_000, 0));
        assert!((2_300..2_700).contains(&wanted(0.25)), "{}", wanted(0.25));
        assert_eq!(
            (wanted(7.0), wanted(-1.0), wanted(f64::NAN)),
            (10_000, 0, 0)
        );
        assert!(Sampling::of_ratio(1.0).wants(u128::MAX));
    }

    #[test]
    fn what_is_told_becomes_a_span_with_its_place_and_its_reason() {
        let told = Told {
            name: String::from("copy_to_device"),
            trace: 7,
            span: 8,
            parent: 9,
            began: 1_000,
            ended: 3_000,
            bytes: 64,
            path: String::from("staged"),
            reason: String::from("over budget"),
            ..Told::default()
        };
        let span = told.into_span(&InstrumentationScope::builder("test").build());
        assert_eq!(span.span_context.trace_id(), TraceId::from(7));
        assert_eq!(span.parent_span_id, SpanId::from(9));
        assert_eq!(span.span_kind, SpanKind::Internal);
        let took = span.end_time.duration_since(span.start_time).unwrap();
        assert_eq!(took, Duration::from_micros(2));
        let reason = KeyValue::new("zenoh_pinned.reason", "over budget");
        assert!(span.attributes.contains(&reason), "{:?}", span.attributes);
    }
}
