//! What the errors of workers are in Python: classes of `zenoh_pinned.workers`, made there by kind.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use zenoh_pinned_workers::{BuildError, ConnectError, RequestError, WorkerError};

use crate::{errors, words};

/// An error of this kind, as the package makes it.
fn of_kind(kind: &str, text: &str, fill: impl Fn(&Bound<'_, PyDict>) -> PyResult<()>) -> PyErr {
    Python::attach(|py| {
        let made = || -> PyResult<PyErr> {
            let attributes = PyDict::new(py);
            fill(&attributes)?;
            let module = py.import("zenoh_pinned.workers._errors")?;
            let error = module
                .getattr("error_of")?
                .call1((kind, text, attributes))?;
            Ok(PyErr::from_value(error))
        };
        made().unwrap_or_else(|failure| failure)
    })
}

fn plain(kind: &str, error: &dyn std::error::Error) -> PyErr {
    of_kind(kind, &words::in_python(&error.to_string()), |_| Ok(()))
}

pub(super) fn request(error: &RequestError) -> PyErr {
    let text = error.to_string();
    match error {
        // The engine's words are its own.
        RequestError::Engine { message } | RequestError::EngineBroke { message } => {
            of_kind(error.kind(), &text, |attributes| {
                attributes.set_item("message", message)
            })
        }
        RequestError::BreakerOpen { retry_after } => of_kind(error.kind(), &text, |attributes| {
            attributes.set_item("retry_after", retry_after.as_secs_f64())
        }),
        RequestError::Poisoned { deaths } => of_kind(error.kind(), &text, |attributes| {
            attributes.set_item("deaths", deaths)
        }),
        _ => plain(error.kind(), error),
    }
}

/// What this process says of all its objects.
pub(super) fn forked(error: PyErr) -> PyErr {
    let text = Python::attach(|py| error.value(py).to_string());
    of_kind("forked", &text, |_| Ok(()))
}

pub(super) fn build(error: BuildError) -> PyErr {
    match error {
        BuildError::Name { .. } | BuildError::OutOfBounds { .. } => {
            PyValueError::new_err(words::in_python(&error.to_string()))
        }
        BuildError::Pool(error) => errors::pool(error),
        BuildError::Forked => plain("forked", &error),
        _ => plain("workers", &error),
    }
}

pub(super) fn connect(error: ConnectError) -> PyErr {
    match error {
        ConnectError::Name { .. } => PyValueError::new_err(words::in_python(&error.to_string())),
        ConnectError::Pool(error) => errors::pool(error),
        ConnectError::NoSupervisor { .. } => plain("no_supervisor", &error),
        _ => plain("workers", &error),
    }
}

pub(super) fn worker(error: WorkerError) -> PyErr {
    match error {
        WorkerError::Name { .. } => PyValueError::new_err(words::in_python(&error.to_string())),
        WorkerError::Pool(error) => errors::pool(error),
        WorkerError::NoSupervisor { .. } => plain("no_supervisor", &error),
        WorkerError::SupervisorGone => plain("supervisor_gone", &error),
        _ => plain("workers", &error),
    }
}

/// Arguments that are of another type than they have to be, by their names.
pub(super) fn argument(py: Python<'_>, error: PyErr) -> PyErr {
    let text = error.value(py).to_string();
    match (text.rsplit_once("Terms."), error.cause(py)) {
        (Some((_, name)), Some(cause)) => {
            PyTypeError::new_err(format!("{name}=: {}", cause.value(py)))
        }
        _ => error,
    }
}

/// A worker that is used where it cannot be.
pub(super) fn misuse(text: &str) -> PyErr {
    of_kind("workers", text, |_| Ok(()))
}
