use super::*;
use crate::inference::{InferenceAnswer, TensorError};

/// One of each.
fn all() -> Vec<(ControlError, Code)> {
    let name = || "m".to_owned();
    let why = || "because".to_owned();
    let within = Duration::from_secs(1);
    vec![
        (ControlError::UnknownModel { name: name() }, Code::NotFound),
        (
            ControlError::UnknownVersion {
                name: name(),
                version: "2".into(),
            },
            Code::NotFound,
        ),
        (
            ControlError::NotAvailable { name: name() },
            Code::InvalidArgument,
        ),
        (
            ControlError::NotReady {
                name: name(),
                state: ModelState::Loading,
                reason: why(),
            },
            Code::Unavailable,
        ),
        (
            ControlError::LoadFailed {
                name: name(),
                why: why(),
            },
            Code::Internal,
        ),
        (
            ControlError::UnloadFailed {
                name: name(),
                why: why(),
            },
            Code::Internal,
        ),
        (
            InvalidRequest::NoValue { name: name() }.into(),
            Code::InvalidArgument,
        ),
        (
            InvalidRequest::Tensor {
                name: name(),
                error: TensorError::Rank { rank: 99 },
            }
            .into(),
            Code::InvalidArgument,
        ),
        (
            ControlError::TooLarge { bytes: 2, most: 1 },
            Code::InvalidArgument,
        ),
        (Unsupported::SharedMemory.into(), Code::Unimplemented),
        (Unsupported::Classification.into(), Code::Unimplemented),
        (Unsupported::RepositoryName.into(), Code::Unimplemented),
        (Unsupported::LoadParameters.into(), Code::Unimplemented),
        (Unsupported::TraceSettings.into(), Code::Unimplemented),
        (Unsupported::LogSettings.into(), Code::Unimplemented),
        (Unsupported::Call.into(), Code::Unimplemented),
        (
            ControlError::TooManyRequests { most: 1 },
            Code::ResourceExhausted,
        ),
        (
            ControlError::TooManyBytes { most: 1 },
            Code::ResourceExhausted,
        ),
        (
            ControlError::TooManyWatchers { most: 1 },
            Code::ResourceExhausted,
        ),
        (
            ControlError::MessageTooLarge { bytes: 2, most: 1 },
            Code::ResourceExhausted,
        ),
        (
            ControlError::TooManyFields { most: 1 },
            Code::ResourceExhausted,
        ),
        (
            ControlError::NoMemory { why: why() },
            Code::ResourceExhausted,
        ),
        (ControlError::Full { queued: 1 }, Code::Unavailable),
        (
            ControlError::BreakerOpen {
                retry_after: within,
            },
            Code::Unavailable,
        ),
        (ControlError::NoWorker { why: why() }, Code::Unavailable),
        (ControlError::Closing, Code::Unavailable),
        (ControlError::Expired, Code::DeadlineExceeded),
        (ControlError::TooSlow { within }, Code::DeadlineExceeded),
        (ControlError::Cancelled, Code::Cancelled),
        (ControlError::Poisoned { deaths: 2 }, Code::Internal),
        (ControlError::Engine { message: why() }, Code::Internal),
        (
            InferenceAnswer::decode(bytes::Bytes::new())
                .unwrap_err()
                .into(),
            Code::Internal,
        ),
        (ControlError::OutputMissing { name: name() }, Code::Internal),
        (ControlError::Panicked, Code::Internal),
    ]
}

#[test]
fn every_error_has_its_status() {
    for (error, code) in all() {
        let words = error.to_string();
        let refusal = matches!(
            error,
            ControlError::TooManyRequests { .. } | ControlError::TooManyBytes { .. }
        );
        assert_eq!(error.is_refusal(), refusal, "{words}");
        let status = Status::from(error);
        assert_eq!((status.code(), status.message()), (code, &words[..]));
    }
}

#[test]
fn every_error_says_what_to_do() {
    for (error, _) in all() {
        let words = error.to_string();
        let said = words
            .split_once(": ")
            .or(words.split_once(", or "))
            .or(words.split_once(" while "));
        let is_somebody_elses = words.contains("because");
        assert!(said.is_some() || is_somebody_elses, "{words}");
    }
}

#[test]
fn a_model_that_is_not_ready_says_why_where_that_is_known() {
    let error = |reason: &str| {
        let (name, state, reason) = ("m".into(), ModelState::Unavailable, reason.into());
        ControlError::NotReady {
            name,
            state,
            reason,
        }
        .to_string()
    };
    assert_eq!(
        error(""),
        "'m' is not at ready state but UNAVAILABLE: load it, or wait"
    );
    assert_eq!(
        error("unloaded"),
        "'m' is not at ready state but UNAVAILABLE (unloaded): load it, or wait"
    );
}
