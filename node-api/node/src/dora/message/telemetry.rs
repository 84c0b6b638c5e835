//! The telemetry context that dora puts into a message's metadata.

use dora_message::metadata::{Metadata, MetadataParameters, OPEN_TELEMETRY_CONTEXT, Parameter};
use zenoh_pinned::bindings::trace::TraceContext;

/// Adds the trace that the caller is in, unless there is none or the caller has added it.
pub(super) fn inject(parameters: &mut MetadataParameters) {
    if parameters.contains_key(OPEN_TELEMETRY_CONTEXT) {
        return;
    }
    let context = serialized(&opentelemetry::Context::current());
    if !context.is_empty() {
        parameters.insert(
            OPEN_TELEMETRY_CONTEXT.to_owned(),
            Parameter::String(context),
        );
    }
}

/// The trace that a message carries, where it does and is sampled.
pub(in crate::dora) fn carried_by(metadata: &Metadata) -> Option<TraceContext> {
    let Parameter::String(context) = metadata.parameters.get(OPEN_TELEMETRY_CONTEXT)? else {
        return None;
    };
    let mut lines = context.lines();
    let traceparent = lines.find_map(|line| line.strip_prefix("traceparent:"))?;
    TraceContext::of_traceparent(traceparent)
}

/// The W3C trace context as dora writes it: `key:value`, one a line.
fn serialized(context: &opentelemetry::Context) -> String {
    use std::collections::HashMap;

    use opentelemetry::trace::TraceContextExt;

    // The usual case: this is asked for every message.
    if !context.span().span_context().is_valid() {
        return String::new();
    }
    let mut entries: HashMap<String, String> = HashMap::new();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, &mut entries);
    });
    let known = ["traceparent", "tracestate"].into_iter();
    let lines = known.filter_map(|key| Some(format!("{key}:{}", entries.get(key)?)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        Context,
        propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
        trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
    };

    use super::*;

    /// Writes what the W3C propagator of OpenTelemetry's SDK writes, and what must not be passed on.
    #[derive(Debug)]
    struct Propagator;

    impl TextMapPropagator for Propagator {
        fn inject_context(&self, context: &Context, into: &mut dyn Injector) {
            let span = context.span().span_context().clone();
            let parent = format!("00-{}-{}-01", span.trace_id(), span.span_id());
            into.set("traceparent", parent);
            into.set("tracestate", String::from("vendor=a:b"));
            into.set("baggage", String::from("secret=1"));
        }

        fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
            context.clone()
        }

        fn fields(&self) -> FieldIter<'_> {
            FieldIter::new(&[])
        }
    }

    #[test]
    fn the_callers_trace_is_passed_on_and_nothing_else() {
        opentelemetry::global::set_text_map_propagator(Propagator);
        let mut parameters = MetadataParameters::new();
        inject(&mut parameters);
        assert!(parameters.is_empty(), "no trace, nothing to pass on");

        let span = SpanContext::new(
            TraceId::from(7),
            SpanId::from(9),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let _in_span = Context::new().with_remote_span_context(span).attach();
        inject(&mut parameters);
        let Some(Parameter::String(context)) = parameters.get(OPEN_TELEMETRY_CONTEXT) else {
            panic!("{parameters:?}");
        };
        let lines: Vec<_> = context.lines().collect();
        assert!(
            lines[0].starts_with("traceparent:00-") && lines[0].ends_with("9-01"),
            "{lines:?}"
        );
        assert_eq!(lines[1..], ["tracestate:vendor=a:b"]);

        let sent = |parameters: &MetadataParameters| {
            let timestamp = dora_message::uhlc::HLC::default().new_timestamp();
            carried_by(&Metadata::from_parameters(timestamp, parameters.clone()))
        };
        let carried = sent(&parameters).expect("the trace goes on");
        assert_eq!((carried.trace, carried.span), (7, 9));
        assert_eq!(sent(&MetadataParameters::new()), None);

        let own = Parameter::String(String::from("mine"));
        parameters.insert(OPEN_TELEMETRY_CONTEXT.to_owned(), own.clone());
        inject(&mut parameters);
        assert_eq!(parameters[OPEN_TELEMETRY_CONTEXT], own);
    }
}
