//! What the exchange's errors are in Python: classes of `zenoh_pinned.exchange`, each with the reason for programs.

use pyo3::{exceptions::PyValueError, prelude::*};
use rustix::io::Errno;
use zenoh_pinned_exchange::{
    ActionFault, AttachError, CreateError, Forked, ReadError, WriteActionError,
};

use crate::words;

/// A class of the package, and the reason that its object has.
struct Kind {
    class: &'static str,
    reason: &'static str,
    error_number: Option<i32>,
}

const fn kind(class: &'static str, reason: &'static str) -> Kind {
    Kind {
        class,
        reason,
        error_number: None,
    }
}

const fn of_system(class: &'static str, reason: &'static str, error: Errno) -> Kind {
    Kind {
        class,
        reason,
        error_number: Some(error.raw_os_error()),
    }
}

impl Kind {
    fn error(self, text: &str) -> PyErr {
        let text = words::in_python(text);
        Python::attach(|py| {
            let made = || -> PyResult<PyErr> {
                let classes = py.import("zenoh_pinned.exchange._errors")?;
                let error = classes.getattr(self.class)?.call1((text,))?;
                error.setattr("reason", self.reason)?;
                if let Some(number) = self.error_number {
                    error.setattr("errno", number)?;
                }
                Ok(PyErr::from_value(error))
            };
            made().unwrap_or_else(|failure| failure)
        })
    }
}

const WRITER_ALIVE: Kind = of_system("RegionError", "writer_alive", Errno::BUSY);
const OTHER_LAYOUT: Kind = kind("RegionError", "other_layout");
const NOT_A_REGION: Kind = kind("RegionError", "not_a_region");
const NOT_ALLOWED: Kind = of_system("RegionNotAllowed", "not_allowed", Errno::ACCESS);
const FORKED: Kind = kind("ExchangeForked", "forked");

fn system(source: &std::io::Error) -> Kind {
    Kind {
        error_number: source.raw_os_error(),
        ..kind("RegionError", "system")
    }
}

/// A mode that was asked for, and those that are possible, as Python writes them.
fn mode(mode: u32, text: &str) -> String {
    text.replace(&format!("mode {mode:o}"), &format!("mode {mode:#o}"))
        .replace("(0600, 0660, 0666)", "(0o600, 0o660, 0o666)")
}

pub(super) fn create(error: CreateError) -> PyErr {
    let text = error.to_string();
    match error {
        CreateError::Name(_) => value(text),
        CreateError::Mode { mode: asked } => value(mode(asked, &text)),
        CreateError::WriterAlive(_) => WRITER_ALIVE.error(&text),
        CreateError::OtherLayout { .. } => OTHER_LAYOUT.error(&text),
        CreateError::NotARegion { .. } => NOT_A_REGION.error(&text),
        CreateError::OtherOwner { .. } => NOT_ALLOWED.error(&text),
        CreateError::NoSpace { .. } => {
            of_system("RegionError", "no_space", Errno::NOSPC).error(&text)
        }
        CreateError::System { source, .. } => system(&source).error(&text),
        _ => kind("RegionError", "system").error(&text),
    }
}

pub(super) fn attach(error: AttachError) -> PyErr {
    let text = error.to_string();
    match error {
        AttachError::Name(_) => value(text),
        AttachError::NotThere { .. } => {
            of_system("RegionNotFound", "not_there", Errno::NOENT).error(&text)
        }
        AttachError::NotAllowed { .. } => {
            NOT_ALLOWED.error(&text.replace("(0660 with", "(0o660 with"))
        }
        AttachError::WriterAlive(_) => WRITER_ALIVE.error(&text),
        AttachError::OtherLayout { .. } => OTHER_LAYOUT.error(&text),
        AttachError::NotARegion { .. } => NOT_A_REGION.error(&text),
        AttachError::System { source, .. } => system(&source).error(&text),
        _ => kind("RegionError", "system").error(&text),
    }
}

pub(super) fn read(error: ReadError) -> PyErr {
    let kind = match error {
        ReadError::Forked => FORKED,
        _ => kind("ExchangeError", "malformed"),
    };
    kind.error(&error.to_string())
}

pub(super) fn write(error: Forked) -> PyErr {
    FORKED.error(&error.to_string())
}

pub(super) fn write_action(error: WriteActionError) -> PyErr {
    match error {
        WriteActionError::Forked(error) => write(error),
        other => value(other.to_string()),
    }
}

pub(super) fn refused(fault: ActionFault) -> PyErr {
    kind("ActionRefused", "refused").error(&format!("the action is refused: it {fault}"))
}

/// What this process says of all its objects.
pub(super) fn forked(error: PyErr) -> PyErr {
    FORKED.error(&Python::attach(|py| error.value(py).to_string()))
}

pub(super) fn closed() -> PyErr {
    kind("ExchangeClosed", "closed").error("this end of the exchange is closed: open it again")
}

/// A value that the caller gave and that is none.
pub(super) fn value(text: String) -> PyErr {
    PyValueError::new_err(text)
}
