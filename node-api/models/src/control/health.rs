//! The health protocol of gRPC: of the server, under the empty name, and of each model under its own.
//!
//! | service | `SERVING` | `NOT_SERVING` | `SERVICE_UNKNOWN` |
//! |---|---|---|---|
//! | empty, or `inference.GRPCInferenceService` | no model is loading | one is | |
//! | a model | a version is ready | none is | there is no such model |
//!
//! Knowingly weak: whoever watches is told within half a second, and not of what changes and changes back in that time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tonic::{Request, Response, Status};

use super::{
    ControlError, Listed, ModelState, Models,
    protocol::health::{
        HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
        health_server::Health,
    },
};

/// How often the index is looked at for each watcher.
const CADENCE: Duration = Duration::from_millis(500);
const INFERENCE: &str = "inference.GRPCInferenceService";

/// Whether the server can be asked.
pub(super) fn is_ready(index: &[Listed]) -> bool {
    index
        .iter()
        .all(|listed| listed.state != ModelState::Loading)
}

fn status(service: &str, index: &[Listed]) -> ServingStatus {
    let serving = if service.is_empty() || service == INFERENCE {
        is_ready(index)
    } else {
        let mut versions = index
            .iter()
            .filter(|listed| listed.name == service)
            .peekable();
        if versions.peek().is_none() {
            return ServingStatus::ServiceUnknown;
        }
        versions.any(|listed| listed.state == ModelState::Ready)
    };
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

pub(super) struct Healths {
    models: Arc<dyn Models>,
    watchers: Arc<Semaphore>,
    most: usize,
}

impl Healths {
    pub(super) fn new(models: Arc<dyn Models>, most: usize) -> Self {
        Self {
            models,
            watchers: Arc::new(Semaphore::new(most)),
            most,
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl Health for Healths {
    type WatchStream = Watching;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match status(&service, &self.models.index()) {
            ServingStatus::ServiceUnknown => {
                Err(ControlError::UnknownModel { name: service }.into())
            }
            status => Ok(Response::new(response(status))),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Watching>, Status> {
        let place = Arc::clone(&self.watchers).try_acquire_owned();
        let full = |_| ControlError::TooManyWatchers { most: self.most };
        Ok(Response::new(Watching {
            models: Arc::clone(&self.models),
            service: request.into_inner().service,
            told: None,
            next: Box::pin(sleep(Duration::ZERO)),
            _place: place.map_err(full)?,
        }))
    }
}

/// The states of one service from now on.
pub(super) struct Watching {
    models: Arc<dyn Models>,
    service: String,
    told: Option<ServingStatus>,
    next: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Stream for Watching {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            ready!(self.next.as_mut().poll(context));
            self.next.as_mut().reset(Instant::now() + CADENCE);
            let status = status(&self.service, &self.models.index());
            if self.told.replace(status) != Some(status) {
                return Poll::Ready(Some(Ok(response(status))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_health() {
        use ModelState::{Loading, Ready, Unavailable, Unloading};
        use ServingStatus::{NotServing, ServiceUnknown, Serving};
        let index = |states: &[ModelState]| -> Vec<Listed> {
            let listed = |state: &ModelState| Listed::new("a", "1", *state);
            states.iter().map(listed).collect()
        };
        let table: [(&[ModelState], _, _); 8] = [
            (&[], Serving, ServiceUnknown),
            (&[Unavailable], Serving, NotServing),
            (&[Loading], NotServing, NotServing),
            (&[Ready], Serving, Serving),
            (&[Unloading], Serving, NotServing),
            (&[Unavailable, Ready], Serving, Serving),
            (&[Ready, Loading], NotServing, Serving),
            (&[Unloading, Unavailable], Serving, NotServing),
        ];
        for (states, server, model) in table {
            let index = index(states);
            assert_eq!(status("", &index), server, "{states:?}");
            assert_eq!(status(INFERENCE, &index), server);
            assert_eq!(status("a", &index), model, "{states:?}");
            assert_eq!(status("b", &index), ServiceUnknown);
        }
    }
}
