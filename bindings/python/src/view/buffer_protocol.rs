//! The part of CPython's C API for buffers.
//!
//! Declared here, because the stable ABI has had it since 3.11 only, and this extension runs from 3.10 on. The
//! layout and the functions are the same in both (PEP 688's preamble, "Py_buffer" in the C API's reference).

use std::ffi::{c_char, c_int, c_void};

use pyo3::{ffi::PyObject, prelude::*};

/// `Py_buffer`.
#[repr(C)]
pub(crate) struct Buffer {
    pub(crate) bytes: *mut c_void,
    pub(crate) object: *mut PyObject,
    pub(crate) len: isize,
    pub(crate) item_bytes: isize,
    pub(crate) is_read_only: c_int,
    pub(crate) dimensions: c_int,
    pub(crate) format: *mut c_char,
    pub(crate) shape: *mut isize,
    pub(crate) strides: *mut isize,
    pub(crate) suboffsets: *mut isize,
    pub(crate) internal: *mut c_void,
}

pub(crate) const WRITABLE: c_int = 1;
pub(crate) const FORMAT: c_int = 4;
pub(crate) const SHAPE: c_int = 8;
pub(crate) const STRIDES: c_int = 0x10 | SHAPE;
pub(crate) const F_CONTIGUOUS: c_int = 0x40 | STRIDES;
/// With shape, strides and format, of a read-only object too.
pub(crate) const FULL_READ_ONLY: c_int = STRIDES | FORMAT;

unsafe extern "C" {
    #[link_name = "PyObject_GetBuffer"]
    fn get_buffer(object: *mut PyObject, view: *mut Buffer, flags: c_int) -> c_int;
    #[link_name = "PyBuffer_Release"]
    pub(crate) fn release(view: *mut Buffer);
}

/// Fills `view` with the buffer of an object.
///
/// # Safety
/// `view` may be written, and what fills it is released once.
pub(crate) unsafe fn fill(
    object: &Bound<'_, PyAny>,
    view: *mut Buffer,
    flags: c_int,
) -> PyResult<()> {
    // SAFETY: the object is alive, and the caller says that the view may be written.
    match unsafe { get_buffer(object.as_ptr(), view, flags) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(object.py())),
    }
}
