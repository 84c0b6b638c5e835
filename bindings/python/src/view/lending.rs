//! A base class of arrays that lend their buffers through views of their own.
//!
//! Whoever takes a buffer of a NumPy array (``memoryview(array)``) keeps that array, as every name of it does: nobody can
//! tell the two apart by counting. An array of this class gives out the buffer of a fresh plain view of it. Such a
//! view refers to the array's base, like a slice, and is counted there.
//!
//! PyO3 makes no buffer slots for the stable ABI of 3.10, so the class is made with the C API; it adds no state.

use std::{
    ffi::c_int,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use pyo3::{exceptions::PyRuntimeError, ffi, intern, prelude::*, sync::PyOnceLock, types::PyType};

use super::buffer_protocol::{self, Buffer};

static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Makes the class, a subclass of ``numpy.ndarray``.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let array = py.import("numpy")?.getattr("ndarray")?;
    let mut slots = [
        ffi::PyType_Slot {
            slot: ffi::Py_bf_getbuffer,
            pfunc: get_buffer as *mut _,
        },
        ffi::PyType_Slot {
            slot: 0,
            pfunc: ptr::null_mut(),
        },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"zenoh_pinned._native.Lending".as_ptr(),
        // As large as the base.
        basicsize: 0,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: name and slots end with zero, the function has the type of its slot, the base is a class, and the
    // interpreter is attached. The name is static, as old versions keep the pointer.
    let class = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpecWithBases(&mut spec, array.as_ptr()))
    }?;
    Ok(class.cast_into::<PyType>()?)
}

/// `getbufferproc`. There is none to release: the buffer is the view's.
unsafe extern "C" fn get_buffer(
    object: *mut ffi::PyObject,
    view: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: CPython calls this with the interpreter attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the protocol wants it null where there is an error, and CPython gives a view to fill.
    unsafe { (*view).object = ptr::null_mut() };
    // SAFETY: CPython gives a live object.
    let array = unsafe { Bound::from_borrowed_ptr(py, object) };
    let plain = catch_unwind(AssertUnwindSafe(|| plain_view(&array)));
    match plain {
        // SAFETY: the object is alive, and the view may be written. It keeps the object.
        Ok(Ok(plain)) => unsafe { buffer_protocol::get_buffer(plain.as_ptr(), view, flags) },
        Ok(Err(error)) => {
            error.restore(py);
            -1
        }
        Err(_) => {
            PyRuntimeError::new_err("lending a buffer panicked; please report this").restore(py);
            -1
        }
    }
}

fn plain_view<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let class = ARRAY.import(py, "numpy", "ndarray")?;
    // The base's own method, whatever a subclass has.
    class.call_method1(intern!(py, "view"), (array, class))
}
