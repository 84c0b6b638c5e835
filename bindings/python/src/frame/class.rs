//! The Python class of frames, whose native base is here: the package defines it when it is imported.

use pyo3::{exceptions::PyImportError, prelude::*, sync::PyOnceLock, types::PyType};

static FRAME: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Tells the class of frames, once.
#[pyfunction]
pub(crate) fn set_frame_class(py: Python<'_>, class_: Bound<'_, PyType>) {
    let _ = FRAME.set(py, class_.unbind());
}

/// # Errors
/// `ImportError`: the native part was imported without its package.
pub(super) fn get(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = FRAME.get(py).map(|class| class.bind(py));
    class.ok_or_else(|| PyImportError::new_err("import zenoh_pinned, not zenoh_pinned._native"))
}
