//! Why a call fails, and with which status.

use std::time::Duration;

use tonic::{Code, Status};

use super::{InvalidRequest, ModelState};
use crate::inference::DecodeError;

/// What the protocol has and this server has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Memory of clients.
    #[error(
        "clients cannot register memory here: send tensors in the request, or reach the models through zenoh, where nothing is copied"
    )]
    SharedMemory,
    /// Outputs as classes.
    #[error(
        "outputs cannot be asked for as classes: leave class_count out, and sort them yourself"
    )]
    Classification,
    /// Several repositories.
    #[error("'repository_name' specification is not supported: leave it empty")]
    RepositoryName,
    /// Files and configurations that a client sends.
    #[error("a model is loaded as it lies in the repository: leave config and files out")]
    LoadParameters,
    /// Triton's traces.
    #[error(
        "there are no trace settings here: traces go out by OpenTelemetry, as the process is started"
    )]
    TraceSettings,
    /// Triton's log.
    #[error(
        "there are no log settings here: say what is logged with RUST_LOG when the process is started"
    )]
    LogSettings,
    /// A path of no service.
    #[error("there is no such call: use inference.GRPCInferenceService or grpc.health.v1.Health")]
    Call,
}

/// A call of the control plane has failed.
///
/// | [status](https://grpc.io/docs/guides/status-codes/) | what |
/// |---|---|
/// | `NOT_FOUND` | no such model or version |
/// | `INVALID_ARGUMENT` | the request is at fault: asked again it fails again |
/// | `UNIMPLEMENTED` | the protocol has it, and this server has not |
/// | `RESOURCE_EXHAUSTED` | this server is full, or the message too large |
/// | `UNAVAILABLE` | the model or its workers are full, not ready, or gone: worth asking again later |
/// | `DEADLINE_EXCEEDED` | it took too long |
/// | `CANCELLED` | it was given up |
/// | `INTERNAL` | the model or its worker has failed |
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no such model.
    #[error("Request for unknown model: '{name}' is not found: see the repository's index")]
    UnknownModel {
        /// Its name.
        name: String,
    },
    /// The model has no such version.
    #[error(
        "Request for unknown model: '{name}' version {version} is not found: see its metadata, or ask for none"
    )]
    UnknownVersion {
        /// The model.
        name: String,
        /// The version.
        version: String,
    },
    /// There are no statistics of such a model.
    #[error("requested model '{name}' is not available: see the repository's index, or load it")]
    NotAvailable {
        /// Its name.
        name: String,
    },
    /// The model cannot be asked at this moment.
    #[error("'{name}' is not at ready state but {}{}: load it, or wait", .state.name(), in_brackets(.reason))]
    NotReady {
        /// Its name.
        name: String,
        /// The state that it is in.
        state: ModelState,
        /// Why; empty where that is no question.
        reason: String,
    },
    /// The model cannot be loaded.
    #[error("failed to load '{name}': {why}")]
    LoadFailed {
        /// Its name.
        name: String,
        /// Why, and what to do.
        why: String,
    },
    /// The model cannot be unloaded.
    #[error("failed to unload '{name}': {why}")]
    UnloadFailed {
        /// Its name.
        name: String,
        /// Why, and what to do.
        why: String,
    },
    /// The request is none, or does not fit its model.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The payload is larger than a slot.
    #[error(
        "the request takes {bytes} bytes, and there is room for {most}: send less, or give the server larger slots"
    )]
    TooLarge {
        /// How many it takes.
        bytes: usize,
        /// The most that it may.
        most: usize,
    },
    /// The protocol has it, this server has not.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// As many requests are under way as may be.
    #[error(
        "{most} requests are under way, as many as may: send fewer at once, or raise the server's limit"
    )]
    TooManyRequests {
        /// How many may be.
        most: usize,
    },
    /// As many bytes are under way as may be.
    #[error(
        "messages under way hold as many bytes as they may, {most}: send fewer or smaller ones at once, or raise the server's limit"
    )]
    TooManyBytes {
        /// How many may be.
        most: usize,
    },
    /// As many clients watch the health as may.
    #[error("{most} clients watch already, as many as may: ask Check from time to time instead")]
    TooManyWatchers {
        /// How many may.
        most: usize,
    },
    /// A message is larger than one may be.
    #[error(
        "the message is of {bytes} bytes, and one may have {most}: send less at once, or raise the server's limit"
    )]
    MessageTooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A request has more fields than one may have.
    #[error(
        "the request has {most} fields or more: send tensors as raw_input_contents, and fewer parameters"
    )]
    TooManyFields {
        /// How many are too many.
        most: usize,
    },
    /// There is no shared memory for the request or its answer.
    #[error("there is no slot of shared memory: {why}")]
    NoMemory {
        /// What the pool says.
        why: String,
    },
    /// The model's queue is full.
    #[error(
        "Exceeds maximum queue size: {queued} requests wait already: send fewer, or let the model have more workers"
    )]
    Full {
        /// How many wait.
        queued: usize,
    },
    /// Requests of this model have failed of late, so none is tried for a while.
    #[error(
        "the model has failed one request after the other, so none is tried: ask again in {retry_after:?}, and see its workers' logs"
    )]
    BreakerOpen {
        /// When one is tried again.
        retry_after: Duration,
    },
    /// No worker can be started for the model.
    #[error("the model has no worker, and none can be started: {why}")]
    NoWorker {
        /// What stands in the way.
        why: String,
    },
    /// The model or the server is about to go.
    #[error("the model is being closed: ask again when it is loaded")]
    Closing,
    /// Nobody had answered by the deadline.
    #[error(
        "it was not answered by its deadline: give it longer, or let the model have more workers"
    )]
    Expired,
    /// The message did not come in time.
    #[error(
        "the message was not there within {within:?}: send it at once, or see what holds the connection up"
    )]
    TooSlow {
        /// Within which it had to be.
        within: Duration,
    },
    /// The request was given up.
    #[error(
        "the request was given up before it was answered: ask again if the answer is still wanted"
    )]
    Cancelled,
    /// Each worker that had the request has died of it, or at least with it.
    #[error(
        "{deaths} workers have died with the request, so it is given to no other: see their logs for what is wrong with it"
    )]
    Poisoned {
        /// How many.
        deaths: u32,
    },
    /// The engine has refused the request, or broke.
    #[error("the model failed: {message}")]
    Engine {
        /// What it said.
        message: String,
    },
    /// The worker's answer cannot be read.
    #[error("the answer of the model's worker cannot be read: {0}")]
    Answer(#[from] DecodeError),
    /// An output that was asked for is not in the answer.
    #[error(
        "the model's worker has left out the output '{name}': see that it gives all that it says it has"
    )]
    OutputMissing {
        /// Its name.
        name: String,
    },
    /// What has the models has panicked.
    #[error("the server broke at this request: see its log, and please report this")]
    Panicked,
}

fn in_brackets(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason})")
    }
}

impl ControlError {
    /// The status that a client gets, as Triton has it where it has such a case.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::UnknownModel { .. } | Self::UnknownVersion { .. } => Code::NotFound,
            Self::NotAvailable { .. } | Self::Invalid(_) | Self::TooLarge { .. } => {
                Code::InvalidArgument
            }
            Self::Unsupported(_) => Code::Unimplemented,
            Self::TooManyRequests { .. }
            | Self::TooManyBytes { .. }
            | Self::TooManyWatchers { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyFields { .. }
            | Self::NoMemory { .. } => Code::ResourceExhausted,
            Self::NotReady { .. }
            | Self::Full { .. }
            | Self::BreakerOpen { .. }
            | Self::NoWorker { .. }
            | Self::Closing => Code::Unavailable,
            Self::Expired | Self::TooSlow { .. } => Code::DeadlineExceeded,
            Self::Cancelled => Code::Cancelled,
            Self::LoadFailed { .. }
            | Self::UnloadFailed { .. }
            | Self::Poisoned { .. }
            | Self::Engine { .. }
            | Self::Answer(_)
            | Self::OutputMissing { .. }
            | Self::Panicked => Code::Internal,
        }
    }

    /// Whether it was refused because the server is full.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::TooManyRequests { .. } | Self::TooManyBytes { .. }
        )
    }
}

impl From<ControlError> for Status {
    fn from(error: ControlError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests;
