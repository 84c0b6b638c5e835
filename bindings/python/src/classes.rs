//! The Python classes that the native parts are the bases of.

use pyo3::{exceptions::PyImportError, prelude::*, sync::PyOnceLock, types::PyType};

static FRAME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static SLOT: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Tells the classes; the package does so once, when it is imported.
#[pyfunction]
pub(crate) fn set_classes(
    py: Python<'_>,
    frame: Bound<'_, PyType>,
    slot: Bound<'_, PyType>,
) -> PyResult<()> {
    let _ = FRAME.set(py, frame.unbind());
    let _ = SLOT.set(py, slot.unbind());
    Ok(())
}

pub(crate) fn frame(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    get(py, &FRAME)
}

pub(crate) fn slot(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    get(py, &SLOT)
}

fn get<'py>(
    py: Python<'py>,
    class: &'static PyOnceLock<Py<PyType>>,
) -> PyResult<&'py Bound<'py, PyType>> {
    let class = class.get(py).map(|class| class.bind(py));
    class.ok_or_else(|| PyImportError::new_err("import zenoh_pinned, not zenoh_pinned._native"))
}
