//! Why a frame does not take the direct path.

use pyo3::prelude::*;
use zenoh_pinned::FallbackReason;

use crate::words;

/// Why a shorter way to the device was not taken: a fact about this process at that moment, not an error.
///
/// ``str(reason)`` says it in words, with what to do about it where something can be done. Two reasons are equal
/// where they are of the same kind and say the same.
///
///     >>> import zenoh_pinned
///     >>> zenoh_pinned.frame(b"a frame", "cpu").reason.code
///     'host_only'
#[pyclass(frozen, eq, module = "zenoh_pinned", name = "FallbackReason")]
#[derive(PartialEq)]
pub(crate) struct Reason(FallbackReason);

impl Reason {
    pub(crate) fn of(reason: FallbackReason) -> Self {
        Self(reason)
    }
}

#[pymethods]
impl Reason {
    /// The kind of reason, for programs.
    #[getter]
    fn code(&self) -> &'static str {
        self.0.kind()
    }

    fn __str__(&self) -> String {
        words::in_python(&self.0.to_string())
    }

    fn __repr__(&self) -> String {
        format!("<FallbackReason {}: {}>", self.code(), self.__str__())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.code().hash(&mut hasher);
        hasher.finish()
    }
}
