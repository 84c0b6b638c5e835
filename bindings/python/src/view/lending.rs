//! A base class of arrays that lend their buffers through views of their own.
//!
//! Whoever takes a buffer of a NumPy array (`memoryview(array)`) keeps that array, as every name of it does: nobody can
//! tell the two apart by counting. An array of this class gives out the buffer of a fresh plain view of it. Such a
//! view refers to the array's base, like a slice, and is counted there.

use std::ffi::{CStr, c_int};

use pyo3::{ffi::PyObject, intern, prelude::*, types::PyType};

use super::{
    buffer_class::{self, Shows},
    buffer_protocol::{self, Buffer},
};
use crate::numpy;

struct Lending;

/// Makes the class, a subclass of `numpy.ndarray`.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    buffer_class::class::<Lending>(py, Some(numpy::ndarray(py)?))
}

impl Shows for Lending {
    const NAME: &'static CStr = c"zenoh_pinned._native.Lending";
    const RELEASE: Option<unsafe extern "C" fn(*mut PyObject, *mut Buffer)> = None;

    unsafe fn show(array: &Bound<'_, PyAny>, view: *mut Buffer, flags: c_int) -> PyResult<()> {
        let py = array.py();
        let class = numpy::ndarray(py)?;
        // The base's own method, whatever a subclass has.
        let plain = class.call_method1(intern!(py, "view"), (array, class))?;
        // SAFETY: the caller says that the view may be written. It keeps the plain array, which is asked to release it.
        unsafe { buffer_protocol::fill(&plain, view, flags) }
    }
}
