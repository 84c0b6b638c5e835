//! Sending what has been written: on an output's route, or by way of the daemon.

use std::time::Instant;

use dora_message::{
    id::DataId,
    metadata::{Metadata, Parameter, SCHEMA_HASH},
};
use zenoh::bytes::ZBytes;
use zenoh_pinned::bindings::trace::{self, Began, TraceContext};

use super::{output::Output, state::Sending};
use crate::dora::{
    SendError,
    link::daemon::DaemonMessage,
    message::{schema_once::SchemaOnce, telemetry},
    route::Route,
};

impl Sending {
    /// Publishes a payload that lies in a slot.
    pub(crate) fn publish(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        payload: ZBytes,
    ) -> Result<(), SendError> {
        let bytes = payload.len();
        let traced = traced(&metadata);
        let (route, _) = self.route(output)?;
        let sent = route.publish(payload, &metadata);
        sent.map_err(|detail| not_published(output, detail))?;
        tell(traced, output, bytes);
        self.entry(output).count_sent(bytes);
        self.report_to_daemon(output, metadata)
    }

    /// Publishes a stream as bytes, without its schema where the consumers know that.
    pub(crate) fn publish_bytes(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        stream: Vec<u8>,
    ) -> Result<(), SendError> {
        let (bytes, traced) = (stream.len(), traced(&metadata));
        let (route, schema_once) = self.route(output)?;
        let sent = match schema_once.batch_of(&stream, &metadata.parameters, Instant::now()) {
            None => route.publish(stream.into(), &metadata),
            Some(batch) => {
                let hash = Parameter::Integer(batch.schema_hash as i64);
                let mut metadata = metadata.clone();
                metadata.parameters.insert(SCHEMA_HASH.to_owned(), hash);
                route.publish(batch.bytes.into(), &metadata)
            }
        };
        sent.map_err(|detail| not_published(output, detail))?;
        tell(traced, output, bytes);
        self.entry(output).count_sent_as_bytes();
        self.report_to_daemon(output, metadata)
    }

    fn route(&mut self, output: &DataId) -> Result<(&Route, &mut SchemaOnce), SendError> {
        let Output {
            route: Some(route),
            schema_once,
            ..
        } = self.entry(output)
        else {
            let detail = String::from("the slot belongs to other outputs than these");
            return Err(not_published(output, detail));
        };
        Ok((route, schema_once))
    }

    fn report_to_daemon(&mut self, output: &DataId, metadata: Metadata) -> Result<(), SendError> {
        if let Ok(link) = &mut self.link {
            link.daemon.output_sent(output, metadata)?;
        }
        Ok(())
    }

    /// Sends a message by way of the daemon.
    pub(crate) fn send_by_daemon(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        message: DaemonMessage,
    ) -> Result<(), SendError> {
        let Ok(link) = &mut self.link else {
            let detail = String::from("these outputs are closed");
            return Err(not_published(output, detail));
        };
        let sent = link.daemon.send_message(output, metadata, message);
        sent.map_err(|source| SendError::Daemon {
            output: output.clone(),
            source,
        })
    }
}

/// Where the message carries its sender's trace, and somebody wants to be told.
fn traced(metadata: &Metadata) -> Option<(Began, TraceContext)> {
    Some((trace::begin()?, telemetry::carried_by(metadata)?))
}

fn tell(traced: Option<(Began, TraceContext)>, output: &DataId, bytes: usize) {
    if let Some((began, given)) = traced {
        trace::tell_put_within(began, given, output.as_str(), bytes);
    }
}

fn not_published(output: &DataId, detail: String) -> SendError {
    SendError::Publish {
        output: output.clone(),
        detail,
    }
}
