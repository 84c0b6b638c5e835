//! The Python class that the native part of a frame is the base of.

use pyo3::{exceptions::PyImportError, prelude::*, sync::PyOnceLock, types::PyType};

static FRAME: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Tells the class of frames; the package does so once, when it is imported.
#[pyfunction]
pub(crate) fn set_frame_class(py: Python<'_>, class_: Bound<'_, PyType>) {
    let _ = FRAME.set(py, class_.unbind());
}

pub(crate) fn frame(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = FRAME.get(py).map(|class| class.bind(py));
    class.ok_or_else(|| PyImportError::new_err("import zenoh_pinned, not zenoh_pinned._native"))
}
