//! One call over HTTP/2: to which service it goes, until when, and what its message may cost.

use std::{convert::Infallible, sync::Arc, time::Instant};

use hyper::{
    Request, Response,
    body::Incoming,
    http::{HeaderMap, Uri},
};
use tokio::time::timeout_at;
use tonic::{Status, body::Body, codegen::Service as _};

use super::{
    ControlError, Limits, Models, Unsupported,
    call::Call,
    capacity::{Capacity, Held},
    deadline::deadline,
    health::Healths,
    infer::Inference,
    protocol::{
        health::health_server::HealthServer,
        inference::grpc_inference_service_server::GrpcInferenceServiceServer,
    },
    receiving::{Received, Receiving},
    sending::{Sending, Untaken},
    service::Service,
};

/// Bytes of a message that carries no tensors.
const SMALL_BYTES: usize = 64 << 10;

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To a call that carries no tensors.
    Small,
    Inference,
    InferenceStream,
    Health,
    None,
}

fn way(uri: &Uri) -> Way {
    match uri
        .path()
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
    {
        Some(("inference.GRPCInferenceService", "ModelStreamInfer")) => Way::InferenceStream,
        Some(("inference.GRPCInferenceService", "ModelInfer")) => Way::Inference,
        Some(("inference.GRPCInferenceService", _)) => Way::Small,
        Some(("grpc.health.v1.Health", _)) => Way::Health,
        _ => Way::None,
    }
}

/// Answers the calls of all connections.
#[derive(Clone)]
pub(super) struct Calls {
    inference: GrpcInferenceServiceServer<Service>,
    health: HealthServer<Healths>,
    capacity: Arc<Capacity>,
    limits: Limits,
}

impl Calls {
    pub(super) fn new(models: Arc<dyn Models>, capacity: Arc<Capacity>, limits: Limits) -> Self {
        let health = HealthServer::new(Healths::new(Arc::clone(&models), limits.watchers));
        let asked = Arc::new(Inference {
            models,
            capacity: Arc::clone(&capacity),
        });
        let inference = GrpcInferenceServiceServer::new(Service::new(asked, &limits));
        Self {
            inference: inference.max_decoding_message_size(limits.message_bytes),
            health: health.max_decoding_message_size(limits.message_bytes),
            capacity,
            limits,
        }
    }

    pub(super) async fn answer(
        mut self,
        request: Request<Incoming>,
        untaken: Arc<Untaken>,
    ) -> Result<Response<Sending>, Infallible> {
        let answered = match until(request.headers()) {
            Ok(until) => self.answer_until(request, until).await,
            Err(error) => Err(error),
        };
        let mut response = answered.unwrap_or_else(|error| Status::from(error).into_http());
        let held = response.extensions_mut().remove::<Arc<Held>>();
        Ok(response.map(|body| Sending::new(body, untaken, held)))
    }

    async fn answer_until(
        &mut self,
        mut request: Request<Incoming>,
        until: Option<Instant>,
    ) -> Result<Response<Body>, ControlError> {
        let way = way(request.uri());
        let received = Received::new(&self.capacity);
        request.extensions_mut().insert(Call {
            until,
            received: Arc::clone(&received),
        });
        let (capacity, is_stream) = (Arc::clone(&self.capacity), way == Way::InferenceStream);
        let most = match way {
            Way::Inference | Way::InferenceStream => self.limits.message_bytes,
            Way::Small | Way::Health | Way::None => SMALL_BYTES.min(self.limits.message_bytes),
        };
        let request = request
            .map(|body| Receiving::new(body, received, capacity, &self.limits, most, is_stream));
        let answering = match way {
            Way::Small | Way::Inference | Way::InferenceStream => self.inference.call(request),
            Way::Health => self.health.call(request),
            Way::None => return Err(Unsupported::Call.into()),
        };
        let answered = match until {
            Some(until) => timeout_at(until.into(), answering).await,
            None => Ok(answering.await),
        };
        match answered {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(_) => Err(ControlError::Expired),
        }
    }
}

fn until(headers: &HeaderMap) -> Result<Option<Instant>, ControlError> {
    match headers.get("grpc-timeout") {
        None => Ok(None),
        Some(value) => Ok(deadline(value, Instant::now())?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_somewhere() {
        let table = [
            ("/inference.GRPCInferenceService/ModelInfer", Way::Inference),
            (
                "/inference.GRPCInferenceService/ModelStreamInfer",
                Way::InferenceStream,
            ),
            ("/inference.GRPCInferenceService/ModelInfers", Way::Small),
            ("/inference.GRPCInferenceService/ServerLive", Way::Small),
            ("/inference.GRPCInferenceService", Way::None),
            ("/grpc.health.v1.Health/Check", Way::Health),
            ("/grpc.health.v2.Health/Check", Way::None),
            ("/", Way::None),
            ("/v2/health/live", Way::None),
        ];
        for (path, expected) in table {
            assert_eq!(way(&Uri::from_static(path)), expected, "{path}");
        }
    }
}
