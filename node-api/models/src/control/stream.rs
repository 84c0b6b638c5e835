//! A stream of requests, and of their answers in the same order.
//!
//! Invariants: each request of the stream has one answer or one error, in the order of the requests. An error ends its
//! request, not the stream. No more requests are read than may be under way, and none while the client takes no answers.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::time::{Sleep, sleep_until};
use tonic::{Status, Streaming};

use super::{
    ControlError,
    call::Call,
    capacity::Held,
    infer::{Answered, Inference, Task},
    protocol::inference::{ModelInferRequest, ModelInferResponse, ModelStreamInferResponse},
};

/// A request's id, and what became of it.
type Reply = (String, Result<Answered, ControlError>);

pub(super) struct AnswersInOrder {
    requests: Streaming<ModelInferRequest>,
    inference: Arc<Inference>,
    call: Call,
    most: usize,
    under_way: VecDeque<Task<Reply>>,
    /// How the requests have ended.
    ended: Option<Result<(), Status>>,
    until: Option<Pin<Box<Sleep>>>,
    /// What the answer holds that was given last.
    given: Option<Held>,
}

impl AnswersInOrder {
    pub(super) fn new(
        requests: Streaming<ModelInferRequest>,
        inference: Arc<Inference>,
        call: Call,
        most: usize,
    ) -> Self {
        let until = call.until.map(|until| Box::pin(sleep_until(until.into())));
        Self {
            requests,
            inference,
            call,
            most,
            under_way: VecDeque::new(),
            ended: None,
            until,
            given: None,
        }
    }

    /// Reads as many requests as are there and may be under way.
    fn read(&mut self, context: &mut Context<'_>) {
        while self.ended.is_none() && self.under_way.len() < self.most {
            match Pin::new(&mut self.requests).poll_next(context) {
                Poll::Ready(Some(Ok(request))) => self.ask(request),
                Poll::Ready(Some(Err(status))) => self.ended = Some(Err(status)),
                Poll::Ready(None) => self.ended = Some(Ok(())),
                Poll::Pending => return,
            }
        }
    }

    fn ask(&mut self, request: ModelInferRequest) {
        let (inference, until) = (Arc::clone(&self.inference), self.call.until);
        let held = self.call.received.take();
        self.under_way.push_back(Task::spawn(async move {
            let id = request.id.clone();
            (id, inference.infer(request, until, held).await)
        }));
    }

    fn give(&mut self, (id, answered): Reply) -> ModelStreamInferResponse {
        match answered {
            Ok((answer, held)) => {
                self.given = Some(held);
                ModelStreamInferResponse {
                    error_message: String::new(),
                    infer_response: Some(answer),
                }
            }
            Err(error) => ModelStreamInferResponse {
                error_message: error.to_string(),
                infer_response: Some(ModelInferResponse {
                    id,
                    ..Default::default()
                }),
            },
        }
    }
}

impl Stream for AnswersInOrder {
    type Item = Result<ModelStreamInferResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.given = None;
        let over = this
            .until
            .as_mut()
            .map(|until| until.as_mut().poll(context));
        if let Some(Poll::Ready(())) = over {
            this.until = None;
            this.under_way.clear();
            this.ended = Some(Ok(()));
            return Poll::Ready(Some(Err(ControlError::Expired.into())));
        }
        this.read(context);
        let Some(first) = this.under_way.front_mut() else {
            return match &mut this.ended {
                None => Poll::Pending,
                Some(ended) => match std::mem::replace(ended, Ok(())) {
                    Ok(()) => Poll::Ready(None),
                    Err(status) => Poll::Ready(Some(Err(status))),
                },
            };
        };
        let reply = ready!(Pin::new(first).poll(context));
        this.under_way.pop_front();
        // There is room for one more.
        this.read(context);
        let reply = reply.unwrap_or_else(|| (String::new(), Err(ControlError::Panicked)));
        Poll::Ready(Some(Ok(this.give(reply))))
    }
}
