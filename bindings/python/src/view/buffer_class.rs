//! Classes whose objects show a buffer.
//!
//! PyO3 makes no buffer slots for the stable ABI of 3.10, so these are made with the C API (`PyType_FromSpec`, "Buffer
//! Object Structures"). They add no state to their base.

use std::{
    ffi::{CStr, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use pyo3::{exceptions::PyRuntimeError, ffi, prelude::*, types::PyType};

use super::buffer_protocol::Buffer;

/// How the objects of a class show their buffers.
pub(crate) trait Shows {
    /// The class, with its module in front.
    const NAME: &'static CStr;
    /// `releasebufferproc`; `None` where `show` fills the view with the buffer of another object.
    const RELEASE: Option<unsafe extern "C" fn(*mut ffi::PyObject, *mut Buffer)>;

    /// Fills `view`, as `getbufferproc` does. Its `object` is null before.
    ///
    /// # Safety
    /// `view` may be written.
    unsafe fn show(object: &Bound<'_, PyAny>, view: *mut Buffer, flags: c_int) -> PyResult<()>;
}

/// Makes the class of `S`, a subclass of `base` where there is one.
pub(crate) fn class<'py, S: Shows>(
    py: Python<'py>,
    base: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyType>> {
    let end = ffi::PyType_Slot {
        slot: 0,
        pfunc: ptr::null_mut(),
    };
    let mut slots = [
        ffi::PyType_Slot {
            slot: ffi::Py_bf_getbuffer,
            pfunc: get_buffer::<S> as *mut c_void,
        },
        S::RELEASE.map_or(end, |release| ffi::PyType_Slot {
            slot: ffi::Py_bf_releasebuffer,
            pfunc: release as *mut c_void,
        }),
        end,
    ];
    let mut spec = ffi::PyType_Spec {
        name: S::NAME.as_ptr(),
        // As large as the base.
        basicsize: 0,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as _,
        slots: slots.as_mut_ptr(),
    };
    let base = base.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: name and slots end with zero, the functions have the types of their slots, the base is a class or null,
    // and the interpreter is attached. The name is static, as old versions keep the pointer.
    let class = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpecWithBases(&mut spec, base))
    }?;
    Ok(class.cast_into::<PyType>()?)
}

/// `getbufferproc`.
unsafe extern "C" fn get_buffer<S: Shows>(
    object: *mut ffi::PyObject,
    view: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: CPython calls this with the interpreter attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the protocol wants it null where there is an error, and CPython gives a view to fill.
    unsafe { (*view).object = ptr::null_mut() };
    // SAFETY: CPython gives a live object.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    let shown = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as above.
        unsafe { S::show(&object, view, flags) }
    }));
    let error = match shown {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(_) => PyRuntimeError::new_err("exporting a buffer panicked; please report this"),
    };
    error.restore(py);
    -1
}
