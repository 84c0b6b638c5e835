//! One request to a model, from its message to the message of its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{task::JoinHandle, time::timeout_at};

use super::{
    ControlError, Models,
    capacity::{Capacity, Held},
    protocol::inference::{ModelInferRequest, ModelInferResponse},
    translating,
};

/// What an answer adds to the bytes of its tensors, about.
const ANSWER_BYTES: usize = 1 << 10;

/// The answer's message, and what it holds until it was taken.
pub(super) type Answered = (ModelInferResponse, Held);

pub(super) struct Inference {
    pub(super) models: Arc<dyn Models>,
    pub(super) capacity: Arc<Capacity>,
}

impl Inference {
    /// Asks the model. `held` is what the message holds, until there is an answer. Dropping this gives the request up.
    pub(super) async fn infer(
        &self,
        message: ModelInferRequest,
        until: Option<Instant>,
        held: Held,
    ) -> Result<Answered, ControlError> {
        let place = self.capacity.request()?;
        let asked = ask(Arc::clone(&self.models), message, until);
        let answered = match within(until, Task::spawn(asked)).await {
            Ok(message) => self.hold(message),
            Err(error) => Err(error),
        };
        drop(held);
        place.end(&answered.as_ref().map(drop));
        answered
    }

    fn hold(&self, message: ModelInferResponse) -> Result<Answered, ControlError> {
        let bytes = message.raw_output_contents.iter().map(bytes::Bytes::len);
        let mut held = self.capacity.hold();
        held.grow(bytes.sum::<usize>() + ANSWER_BYTES)?;
        Ok((message, held))
    }
}

async fn ask(
    models: Arc<dyn Models>,
    message: ModelInferRequest,
    until: Option<Instant>,
) -> Result<ModelInferResponse, ControlError> {
    let described = models.described(&message.model_name, &message.model_version)?;
    let request = translating::request(message, Instant::now(), until)?;
    described.check(&request)?;
    let (outputs, until) = (request.outputs.clone(), request.deadline);
    let answer = match until {
        Some(until) => timeout_at(until.into(), models.infer(request))
            .await
            .map_err(|_| ControlError::Expired)?,
        None => models.infer(request).await,
    };
    translating::response(answer?, &outputs)
}

/// What a task ends with, unless the time is over before.
async fn within<T>(
    until: Option<Instant>,
    task: Task<Result<T, ControlError>>,
) -> Result<T, ControlError> {
    let ended = match until {
        Some(until) => timeout_at(until.into(), task).await,
        None => Ok(task.await),
    };
    ended
        .unwrap_or(Some(Err(ControlError::Expired)))
        .unwrap_or(Err(ControlError::Panicked))
}

/// A task that ends at the latest when this is dropped.
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl<T> Future for Task<T> {
    /// Nothing where it has panicked.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
