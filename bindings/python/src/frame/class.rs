//! The Python class of frames, whose native base is here: the package defines it when it is imported.

use std::sync::{Mutex, PoisonError};

use pyo3::{exceptions::PyImportError, prelude::*, sync::PyOnceLock, types::PyType};

use super::Frame;

static FRAME: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Tells the class of frames, once.
#[pyfunction]
pub(crate) fn set_frame_class(py: Python<'_>, class_: Bound<'_, PyType>) {
    let _ = FRAME.set(py, class_.unbind());
}

/// Carries a frame into the constructor of its class.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct FrameHandle(Mutex<Option<Frame>>);

impl FrameHandle {
    /// For a class of the package that has frames as its base.
    pub(crate) fn new(frame: Frame) -> Self {
        Self(Mutex::new(Some(frame)))
    }

    pub(super) fn take(&self) -> Option<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A frame as an object of the class.
///
/// # Errors
/// `ImportError`: the native part was imported without its package.
pub(super) fn object(py: Python<'_>, frame: Frame) -> PyResult<Py<PyAny>> {
    let class = FRAME
        .get(py)
        .ok_or_else(|| PyImportError::new_err("import zenoh_pinned, not zenoh_pinned._native"))?;
    class.call1(py, (FrameHandle::new(frame),))
}
