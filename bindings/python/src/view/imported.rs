//! Bytes of another object, through its buffer.

use std::{ffi::CStr, mem::MaybeUninit, ptr::NonNull, slice};

use pyo3::{exceptions::PyValueError, prelude::*, types::PyMemoryView};

use super::buffer_protocol::{self, Buffer, FULL_READ_ONLY};
use crate::{
    element::{Element, UINT8},
    shape,
};

/// A buffer that another object exports, in one run of row-major elements.
///
/// May be dropped on any thread: it is a `memoryview` that keeps the buffer, and PyO3 gives that up when the
/// interpreter is attached next. A thread that waited for the interpreter here could wait for ever while the
/// process ends.
pub(crate) struct Imported {
    bytes: NonNull<u8>,
    len: usize,
    element: &'static Element,
    shape: Vec<usize>,
    _view: Py<PyMemoryView>,
}

// SAFETY: the bytes are only read, and the view may be sent.
unsafe impl Send for Imported {}
// SAFETY: as above.
unsafe impl Sync for Imported {}

/// A view that is released with the interpreter attached, at the end of the function that made it.
struct Borrowed<'py> {
    view: Buffer,
    object: &'py Bound<'py, PyAny>,
}

impl<'py> Borrowed<'py> {
    fn of(object: &'py Bound<'py, PyAny>) -> PyResult<Self> {
        let mut view = MaybeUninit::<Buffer>::uninit();
        // SAFETY: the object is alive, and the view is filled where there is no error.
        match unsafe {
            buffer_protocol::get_buffer(object.as_ptr(), view.as_mut_ptr(), FULL_READ_ONLY)
        } {
            0 => Ok(Self {
                // SAFETY: there was no error.
                view: unsafe { view.assume_init() },
                object,
            }),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    /// A copy of one of the view's lists, which have an entry for each dimension.
    fn list(&self, of: *const isize) -> Vec<isize> {
        match usize::try_from(self.view.dimensions) {
            Ok(dimensions) if !of.is_null() && dimensions > 0 => {
                // SAFETY: the exporter gives so many entries, for as long as the view lives.
                unsafe { slice::from_raw_parts(of, dimensions) }.to_vec()
            }
            _ => Vec::new(),
        }
    }

    fn shape(&self) -> Vec<usize> {
        let sizes = self.list(self.view.shape).into_iter();
        sizes
            .map(|size| usize::try_from(size).unwrap_or(0))
            .collect()
    }

    fn element(&self) -> PyResult<&'static Element> {
        if self.view.format.is_null() {
            return Ok(&UINT8);
        }
        // SAFETY: the exporter gives a string that lives as long as the view.
        let format = unsafe { CStr::from_ptr(self.view.format) };
        match Element::of_format(format) {
            Some(element) if element.bytes as isize == self.view.item_bytes => Ok(element),
            _ => {
                // NumPy knows best what it is.
                let numpy = self.object.py().import("numpy")?;
                let array = numpy.call_method1("asarray", (self.object,))?;
                Element::of_dtype(&array.getattr("dtype")?)
            }
        }
    }

    fn is_one_run(&self, shape: &[usize]) -> bool {
        let len = usize::try_from(self.view.len).unwrap_or(0);
        let item_bytes = usize::try_from(self.view.item_bytes).unwrap_or(0);
        let strides = self.list(self.view.strides);
        let in_order = shape::is_one_run(len, item_bytes, shape, &strides);
        len == 0 || (in_order && self.view.suboffsets.is_null())
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // SAFETY: filled by the exporter, released once; the interpreter is attached, as `object` shows.
        unsafe { buffer_protocol::release(&mut self.view) };
    }
}

impl Imported {
    /// The buffer of `object`.
    ///
    /// # Errors
    /// `TypeError` where it has none, or none of numbers; `ValueError` where its elements are not in one run.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kept = PyMemoryView::from(object)?;
        let borrowed = Borrowed::of(kept.as_any())?;
        let shape = borrowed.shape();
        if !borrowed.is_one_run(&shape) {
            return Err(PyValueError::new_err(
                "the array's elements are not in one run in row-major order: use numpy.ascontiguousarray(array)",
            ));
        }
        Ok(Self {
            bytes: NonNull::new(borrowed.view.bytes.cast()).unwrap_or(NonNull::dangling()),
            len: usize::try_from(borrowed.view.len).unwrap_or(0),
            element: borrowed.element()?,
            shape,
            _view: kept.clone().unbind(),
        })
    }

    pub(crate) fn element(&self) -> &'static Element {
        self.element
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl AsRef<[u8]> for Imported {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the view keeps so many bytes readable. Nothing keeps their owner from writing them
        // meanwhile, as with every reader of a buffer; they are copied bytewise only.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}
