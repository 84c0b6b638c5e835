//! A base class that gives frames the buffer protocol: the second base of the Python class `Frame`.

use std::{
    ffi::{CStr, CString, c_int},
    ptr,
};

use pyo3::{exceptions::PyBufferError, ffi::PyObject, prelude::*, types::PyType};

use super::Frame;
use crate::{
    shape::{self, strides},
    view::{
        buffer_class::{self, Shows},
        buffer_protocol::{Buffer, F_CONTIGUOUS, FORMAT, SHAPE, STRIDES, WRITABLE},
    },
};

struct Exporter;

/// Makes the class.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    buffer_class::class::<Exporter>(py, None)
}

/// What a view needs besides the bytes, for as long as it exists.
struct Description {
    shape: Vec<isize>,
    strides: Vec<isize>,
    format: CString,
}

impl Shows for Exporter {
    const NAME: &'static CStr = c"zenoh_pinned._native.Exporter";
    const RELEASE: Option<unsafe extern "C" fn(*mut PyObject, *mut Buffer)> = Some(release);

    unsafe fn show(object: &Bound<'_, PyAny>, view: *mut Buffer, flags: c_int) -> PyResult<()> {
        let frame = object.cast::<Frame>()?.get();
        let (bytes, element, shape) = (frame.bytes(), frame.element(), frame.shape_of());
        if flags & WRITABLE != 0 {
            return Err(PyBufferError::new_err(
                "a received frame is read-only, because others read it too: copy it to change it",
            ));
        }
        if flags & F_CONTIGUOUS == F_CONTIGUOUS && !shape::orders_are_the_same(shape) {
            return Err(PyBufferError::new_err(
                "the elements are in row-major order, not in Fortran's",
            ));
        }
        element.in_numpy(PyBufferError::new_err)?;
        let item_bytes = element.bytes;
        let mut description = Box::new(Description {
            strides: strides(shape, item_bytes),
            shape: shape.iter().map(|size| *size as isize).collect(),
            format: element.format.unwrap_or_default().to_owned(),
        });
        let asked = |what: c_int| flags & what == what;
        // Where there is no dimension the protocol wants no lists.
        let has_dimensions = !shape.is_empty();
        let filled = Buffer {
            bytes: bytes.as_ptr().cast_mut().cast(),
            object: object.clone().into_ptr(),
            len: bytes.len() as isize,
            item_bytes: item_bytes as isize,
            is_read_only: 1,
            dimensions: shape.len() as c_int,
            format: match asked(FORMAT) {
                true => description.format.as_ptr().cast_mut(),
                false => ptr::null_mut(),
            },
            shape: match has_dimensions && asked(SHAPE) {
                true => description.shape.as_mut_ptr(),
                false => ptr::null_mut(),
            },
            strides: match has_dimensions && asked(STRIDES) {
                true => description.strides.as_mut_ptr(),
                false => ptr::null_mut(),
            },
            suboffsets: ptr::null_mut(),
            internal: Box::into_raw(description).cast(),
        };
        // SAFETY: the caller says that the view may be written.
        unsafe { view.write(filled) };
        Ok(())
    }
}

/// `releasebufferproc`.
unsafe extern "C" fn release(_: *mut PyObject, view: *mut Buffer) {
    // SAFETY: CPython calls this once for each view that was filled above, and `internal` is the box that `show` put
    // there.
    drop(unsafe { Box::from_raw((*view).internal.cast::<Description>()) });
}
