//! A request of a client, through workers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use zenoh_pinned_workers::{Payload, RequestError, WorkersStatistics};

use super::Ready;
use crate::{
    control::{Answering, ControlError, InvalidRequest, Spent, Statistics},
    inference::{InferenceAnswer, InferenceRequest},
};

/// Requests of fewer bytes need no slot, so that nothing has to be waited for before they are sent.
const SHORT: usize = 4096;

/// What a model has been asked, by clients of the control plane.
#[derive(Debug, Default)]
pub(super) struct Asked {
    answered: AtomicU64,
    answered_nanoseconds: AtomicU64,
    failed: AtomicU64,
    failed_nanoseconds: AtomicU64,
    last_nanoseconds: AtomicU64,
}

impl Asked {
    fn note(&self, began: Instant, is_answered: bool) {
        let (count, sum) = match is_answered {
            true => (&self.answered, &self.answered_nanoseconds),
            false => (&self.failed, &self.failed_nanoseconds),
        };
        // Relaxed: numbers for whoever looks.
        count.fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(nanoseconds(began.elapsed()), Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.last_nanoseconds
            .store(nanoseconds(now.unwrap_or_default()), Ordering::Relaxed);
    }

    pub(super) fn statistics(
        &self,
        version: &str,
        workers: Option<&WorkersStatistics>,
    ) -> Statistics {
        let spent = |count: &AtomicU64, sum: &AtomicU64| Spent {
            count: count.load(Ordering::Relaxed),
            nanoseconds: sum.load(Ordering::Relaxed),
        };
        let last = self.last_nanoseconds.load(Ordering::Relaxed);
        let success = spent(&self.answered, &self.answered_nanoseconds);
        let summed = |histogram: &zenoh_pinned_workers::Histogram| Spent {
            count: histogram.buckets.iter().sum(),
            nanoseconds: (histogram.sum * 1e9) as u64,
        };
        Statistics {
            version: version.to_owned(),
            last_inference: (last > 0).then(|| UNIX_EPOCH + Duration::from_nanos(last)),
            inferences: success.count,
            executions: workers.map_or(0, |workers| workers.batches),
            success,
            fail: spent(&self.failed, &self.failed_nanoseconds),
            queue: workers.map_or(Spent::default(), |workers| summed(&workers.queue_seconds)),
            compute_infer: workers
                .map_or(Spent::default(), |workers| summed(&workers.batch_seconds)),
            ..Statistics::default()
        }
    }
}

/// Sends it, and waits for the answer. Dropped meanwhile, the answer is dropped when it comes.
pub(super) fn ask(ready: Arc<Ready>, request: InferenceRequest) -> Answering {
    let ready = NeverLast(Some(ready));
    Box::pin(async move {
        let Some(ready) = &ready.0 else {
            return Err(ControlError::Closing);
        };
        let began = Instant::now();
        let outcome = ask_workers(ready, request).await;
        ready.asked.note(began, outcome.is_ok());
        outcome
    })
}

/// A model that a request holds: where that is the last one, its workers end on a thread of their own, as the server's have
/// others to answer.
struct NeverLast(Option<Arc<Ready>>);

impl Drop for NeverLast {
    fn drop(&mut self) {
        if let Some(last) = self.0.take().and_then(Arc::into_inner) {
            let thread = std::thread::Builder::new().name(String::from("zpin-unload"));
            // Where there is none they end here.
            let _ = thread.spawn(move || drop(last));
        }
    }
}

async fn ask_workers(
    ready: &Arc<Ready>,
    request: InferenceRequest,
) -> Result<InferenceAnswer, ControlError> {
    let bytes = encoded_bytes(&request)?;
    let pending = match bytes <= SHORT {
        true => submit(ready, &request)?,
        // A slot may have to be waited for, which is not for the server's threads.
        false => {
            let ready = ready.clone();
            let sent = tokio::task::spawn_blocking(move || submit(&ready, &request));
            sent.await.map_err(|_| ControlError::Panicked)??
        }
    };
    let answer = pending.await.map_err(refused)?;
    Ok(InferenceAnswer::decode(Bytes::from_owner(answer))?)
}

fn encoded_bytes(request: &InferenceRequest) -> Result<usize, ControlError> {
    let encoder = request.encoder().map_err(invalid)?;
    Ok(encoder.bytes())
}

fn submit(
    ready: &Ready,
    request: &InferenceRequest,
) -> Result<zenoh_pinned_workers::PendingAnswer, ControlError> {
    let Some(workers) = &ready.workers else {
        return Err(ControlError::NoWorker {
            why: String::from(
                "its repository names no worker for it: attach its weights, and ask a program of your own",
            ),
        });
    };
    let encoder = request.encoder().map_err(invalid)?;
    let payload = match encoder.bytes() <= SHORT {
        true => {
            let mut message = vec![0; encoder.bytes()];
            encoder.write(&mut message).map_err(invalid)?;
            Payload::from(message)
        }
        false => {
            let mut slot = workers.alloc(encoder.bytes()).map_err(refused)?;
            encoder.write(&mut slot).map_err(invalid)?;
            Payload::from(slot)
        }
    };
    let mut asked = workers.request(payload);
    if let Some(deadline) = request.deadline {
        asked = asked.deadline(deadline.saturating_duration_since(Instant::now()));
    }
    Ok(asked.send())
}

fn invalid(error: crate::inference::EncodeError) -> ControlError {
    ControlError::Invalid(InvalidRequest::Encode(error))
}

/// What the workers say, in the control plane's words.
fn refused(error: RequestError) -> ControlError {
    match error {
        RequestError::Full { queued } => ControlError::Full { queued },
        RequestError::BreakerOpen { retry_after } => ControlError::BreakerOpen { retry_after },
        RequestError::TooLarge { bytes, most, .. } => ControlError::TooLarge { bytes, most },
        RequestError::NoMemory { why } => ControlError::NoMemory { why },
        RequestError::Closing | RequestError::SupervisorGone | RequestError::Forked => {
            ControlError::Closing
        }
        RequestError::Expired => ControlError::Expired,
        RequestError::Interrupted => ControlError::Cancelled,
        RequestError::Poisoned { deaths } => ControlError::Poisoned { deaths },
        RequestError::Engine { message } | RequestError::EngineBroke { message } => {
            ControlError::Engine { message }
        }
        RequestError::NoWorker { why } | RequestError::NotTaken { why } => {
            ControlError::NoWorker { why }
        }
        RequestError::Unreadable { why } => ControlError::Engine {
            message: format!("its worker could not read the request: {why}"),
        },
        error => ControlError::Engine {
            message: error.to_string(),
        },
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
