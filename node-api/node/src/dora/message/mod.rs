//! What dora's own `send_output` does to a message, repeated for those that it does not send.
//!
//! Holds: a message's metadata (here), the trace that its sender is in (`telemetry`), the check of its type
//! (`type_check`), and small messages without their schema (`schema_once`).
//!
//! Who may write what: a message belongs to the thread that sends it. What consumers know of an output's schema is part
//! of the output's state, under its mutex. No locks of its own.
//!
//! Invariants: a consumer cannot tell these messages from dora's own; what the caller put into the parameters stays,
//! but for the two entries that say how the payload is written.
//!
//! Knowingly weak: it repeats dora 1.1, and has to be compared with each new minor version.

pub(crate) mod schema_once;
pub(crate) mod telemetry;
pub(crate) mod type_check;

use dora_message::{
    metadata::{FRAMING, FRAMING_ARROW_IPC, Metadata, MetadataParameters, Parameter, SCHEMA_HASH},
    uhlc::Timestamp,
};

/// The metadata of a message whose payload is an Arrow IPC stream.
pub(crate) fn metadata(timestamp: Timestamp, mut parameters: MetadataParameters) -> Metadata {
    parameters.remove(SCHEMA_HASH);
    mark_as_stream(&mut parameters);
    telemetry::inject(&mut parameters);
    Metadata::from_parameters(timestamp, parameters)
}

/// Says in a message's parameters that its payload is an Arrow IPC stream.
pub(crate) fn mark_as_stream(parameters: &mut MetadataParameters) {
    let framing = Parameter::String(FRAMING_ARROW_IPC.to_owned());
    parameters.insert(FRAMING.to_owned(), framing);
}
