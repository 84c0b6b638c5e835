//! The telemetry context that dora puts into a message's metadata.

use dora_message::metadata::MetadataParameters;

/// Adds the trace that the caller is in, where there is one and the caller did not add it.
#[cfg(feature = "telemetry")]
pub(super) fn inject(parameters: &mut MetadataParameters) {
    use dora_message::metadata::{OPEN_TELEMETRY_CONTEXT, Parameter};

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

/// Without the feature nothing is known about traces.
#[cfg(not(feature = "telemetry"))]
pub(super) fn inject(_parameters: &mut MetadataParameters) {}

/// The W3C trace context as dora writes it: `key:value`, one a line.
#[cfg(feature = "telemetry")]
fn serialized(context: &opentelemetry::Context) -> String {
    use std::collections::HashMap;

    use opentelemetry::trace::TraceContextExt;

    // The usual case, asked for every message.
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
