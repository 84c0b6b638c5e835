//! A base class that gives frames the buffer protocol.
//!
//! PyO3 makes no buffer slots for the stable ABI of 3.10. So this class is made with the C API, has no state,
//! and is the second base of the Python class `Frame`, which inherits its slots (`PyType_FromSpec`, "Buffer
//! Object Structures").

use std::{
    ffi::{CString, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use pyo3::{
    exceptions::{PyBufferError, PyRuntimeError},
    ffi,
    prelude::*,
    types::PyType,
};

use super::buffer_protocol::{Buffer, F_CONTIGUOUS, FORMAT, SHAPE, STRIDES, WRITABLE};
use crate::{
    frame::Frame,
    shape::{self, strides},
};

/// What a view needs besides the bytes, for as long as it exists.
struct Description {
    shape: Vec<isize>,
    strides: Vec<isize>,
    format: CString,
}

/// Makes the class.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let mut slots = [
        ffi::PyType_Slot {
            slot: ffi::Py_bf_getbuffer,
            pfunc: get_buffer as *mut c_void,
        },
        ffi::PyType_Slot {
            slot: ffi::Py_bf_releasebuffer,
            pfunc: release_buffer as *mut c_void,
        },
        ffi::PyType_Slot {
            slot: 0,
            pfunc: ptr::null_mut(),
        },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"zenoh_pinned._native.Exporter".as_ptr(),
        basicsize: 0,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: name and slots end with zero, the functions have the types of their slots, and the interpreter
    // is attached. The name is static, as old versions keep the pointer.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)) }?;
    Ok(class.cast_into::<PyType>()?)
}

/// `getbufferproc`.
unsafe extern "C" fn get_buffer(
    object: *mut ffi::PyObject,
    view: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: CPython calls this with the interpreter attached.
    let py = unsafe { Python::assume_attached() };
    let exported = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: CPython gives a live object and a view to fill.
        unsafe { export(py, object, view, flags) }
    }));
    let error = match exported {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(_) => PyRuntimeError::new_err("exporting a buffer panicked; please report this"),
    };
    error.restore(py);
    -1
}

/// # Safety
/// `object` is alive; `view` may be written.
unsafe fn export(
    py: Python<'_>,
    object: *mut ffi::PyObject,
    view: *mut Buffer,
    flags: c_int,
) -> PyResult<()> {
    // SAFETY: the protocol wants it null where there is an error, and the caller says that it is writable.
    unsafe { (*view).object = ptr::null_mut() };
    // SAFETY: the caller says that the object is alive.
    let owner = unsafe { Bound::from_borrowed_ptr(py, object) };
    let frame = owner.cast::<Frame>()?.get();
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
        object: owner.clone().into_ptr(),
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

/// `releasebufferproc`.
unsafe extern "C" fn release_buffer(_: *mut ffi::PyObject, view: *mut Buffer) {
    // SAFETY: CPython calls this once for each view that was filled above, and `internal` is the box that
    // `export` put there.
    drop(unsafe { Box::from_raw((*view).internal.cast::<Description>()) });
}
