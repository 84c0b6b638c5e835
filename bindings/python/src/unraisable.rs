//! Exceptions that nobody is there to catch.

use pyo3::{exceptions::PyBaseException, prelude::*};

/// Gives an exception to ``sys.unraisablehook``, whose arguments Python code cannot make.
#[pyfunction]
pub(crate) fn tell_unraisable(error: Bound<'_, PyBaseException>, object: &Bound<'_, PyAny>) {
    let py = object.py();
    PyErr::from_value(error.into_any()).write_unraisable(py, Some(object));
}
