//! What the errors of models are in Python: classes of `zenoh_pinned.models`, made there by kind.

use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use zenoh_pinned_models::{Changed, DeviceError, LoadError, ServeError, UnloadError};

use crate::{errors, words};

fn of_kind(kind: &str, text: &str, fill: impl Fn(&Bound<'_, PyDict>) -> PyResult<()>) -> PyErr {
    Python::attach(|py| {
        let made = || -> PyResult<PyErr> {
            let attributes = PyDict::new(py);
            fill(&attributes)?;
            let module = py.import("zenoh_pinned.models._errors")?;
            let error = module
                .getattr("error_of")?
                .call1((kind, text, attributes))?;
            Ok(PyErr::from_value(error))
        };
        made().unwrap_or_else(|failure| failure)
    })
}

pub(super) fn load(error: &LoadError) -> PyErr {
    let text = words::in_python(&error.to_string());
    let plain = |kind| of_kind(kind, &text, |_| Ok(()));
    match error {
        LoadError::Name { .. } => PyValueError::new_err(text),
        LoadError::NotLoaded { .. } => plain("not_loaded"),
        LoadError::OtherSource { loaded_from, .. } => {
            of_kind("other_source", &text, |attributes| {
                attributes.set_item("loaded_from", loaded_from)
            })
        }
        LoadError::Format { .. } => plain("format"),
        LoadError::Read { .. } | LoadError::FileChanged { .. } => plain("read"),
        LoadError::Capacity(capacity) => of_kind("capacity", &text, |attributes| {
            attributes.set_item("needed_bytes", capacity.needed_bytes)?;
            attributes.set_item("free_bytes", capacity.free_bytes)?;
            let holders = capacity.holders.iter();
            let holders = holders.map(|holder| {
                let sessions: Vec<_> = holder.sessions.iter().copied().collect();
                (&holder.model, holder.bytes, sessions)
            });
            attributes.set_item("holders", holders.collect::<Vec<_>>())
        }),
        LoadError::OverQuota {
            needed_bytes,
            leased_bytes,
            quota_bytes,
            ..
        } => of_kind("over_quota", &text, |attributes| {
            attributes.set_item("needed_bytes", needed_bytes)?;
            attributes.set_item("leased_bytes", leased_bytes)?;
            attributes.set_item("quota_bytes", quota_bytes)
        }),
        LoadError::Changed { what, .. } => of_kind("changed", &text, |attributes| {
            let shard = match what {
                Changed::Shard(number) => Some(*number),
                Changed::Table => None,
            };
            attributes.set_item("shard", shard)
        }),
        LoadError::Busy { .. } => plain("busy"),
        LoadError::TooManyOpenFiles { .. } => plain("attach"),
        LoadError::TimedOut { .. } => plain("timed_out"),
        LoadError::Interrupted { .. } => plain("interrupted"),
        LoadError::Ending => plain("ending"),
        LoadError::Forked => plain("forked"),
        LoadError::Server { .. } => plain("no_server"),
        LoadError::Attach { .. } => plain("attach"),
        _ => plain("models"),
    }
}

pub(super) fn unload(error: &UnloadError) -> PyErr {
    let text = words::in_python(&error.to_string());
    let kind = match error {
        UnloadError::NotLoaded { .. } | UnloadError::Loading { .. } => "not_loaded",
        UnloadError::Forked => "forked",
        UnloadError::Server { .. } => "no_server",
        _ => "models",
    };
    of_kind(kind, &text, |_| Ok(()))
}

pub(super) fn serve(error: &ServeError) -> PyErr {
    let text = words::in_python(&error.to_string());
    match error {
        ServeError::Name { .. } => PyValueError::new_err(text),
        _ => of_kind("models", &text, |_| Ok(())),
    }
}

pub(super) fn device(error: DeviceError) -> PyErr {
    match error {
        DeviceError::Copy(error) => errors::copy(error),
        DeviceError::Frame(error) => errors::frame(error),
        error => of_kind("models", &words::in_python(&error.to_string()), |_| Ok(())),
    }
}
