//! Bytes of another object, through its buffer or DLPack.

use std::{ffi::CStr, mem::MaybeUninit, ptr::NonNull, slice};

use pyo3::{
    exceptions::{PyException, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyMemoryView, PyString},
};

use super::{
    buffer_protocol::{self, Buffer, FULL_READ_ONLY},
    tensor::HostTensor,
};
use crate::{
    element::{Element, UINT8},
    numpy, shape,
};

/// Memory that another object shows, in one run of row-major elements.
///
/// May be dropped on any thread: it is a Python object that keeps the memory, and PyO3 gives that up when the
/// interpreter is attached next. A thread that waited for the interpreter here could wait for ever while the
/// process ends.
pub(crate) struct Imported {
    bytes: NonNull<u8>,
    len: usize,
    element: &'static Element,
    shape: Vec<usize>,
    _keeper: Py<PyAny>,
}

// SAFETY: the bytes are only read, and the keeper may be sent.
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
        // SAFETY: the view may be written, and `drop` releases it.
        unsafe { buffer_protocol::fill(object, view.as_mut_ptr(), FULL_READ_ONLY) }?;
        Ok(Self {
            // SAFETY: there was no error, so it has been filled.
            view: unsafe { view.assume_init() },
            object,
        })
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
                // NumPy knows best what it is, where it does.
                let array = numpy::asarray(self.object).map_err(|_| {
                    PyTypeError::new_err(format!(
                        "elements of the format '{}' cannot be shared as they are: view them as bytes",
                        format.to_string_lossy()
                    ))
                })?;
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
    /// The elements of an array, a buffer, a DLPack tensor on the host, or what NumPy makes an array of by its
    /// array interface.
    ///
    /// # Errors
    /// `TypeError` where it is none of these, or not of numbers, or some of them are masked; `ValueError` where
    /// its elements are not in one run.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if object.is_instance(numpy::ndarray(py)?)? {
            return Self::of_array(object);
        }
        if object.is_instance(numpy::generic(py)?)? && !is_text(object) {
            return Self::of_array(&numpy::asarray(object)?);
        }
        match PyMemoryView::from(object) {
            Ok(view) => Self::of_view(&view),
            Err(error) => match HostTensor::of(object)? {
                Some(tensor) => Ok(Self::of_tensor(tensor)),
                // A type with this interface and without the buffer protocol has to be asked by NumPy.
                None if object.hasattr("__array_interface__")? => {
                    Self::of_array(&numpy::asarray(object)?)
                }
                None => Err(error),
            },
        }
    }

    fn of_array(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        if is_masked(array)? {
            return Err(PyTypeError::new_err(
                "a masked array has a mask beside its elements, which would be lost: send array.filled(value), and \
                 the mask as a message of its own",
            ));
        }
        match PyMemoryView::from(array) {
            Ok(view) => Self::of_view(&view),
            // NumPy exports no buffer of these: not numbers, or those of the package `ml_dtypes`.
            Err(error) if error.is_instance_of::<PyException>(array.py()) => {
                let element = Element::of_dtype(&array.getattr("dtype")?)?;
                let shape = array.getattr("shape")?.extract()?;
                if !array.getattr("flags")?.getattr("c_contiguous")?.extract()? {
                    return Err(scattered());
                }
                let flat = array.call_method1("reshape", (-1,))?;
                let bytes = PyMemoryView::from(&flat.call_method1("view", ("uint8",))?)?;
                Ok(Self {
                    element,
                    shape,
                    ..Self::of_view(&bytes)?
                })
            }
            Err(error) => Err(error),
        }
    }

    fn of_view(view: &Bound<'_, PyMemoryView>) -> PyResult<Self> {
        let borrowed = Borrowed::of(view.as_any())?;
        let shape = borrowed.shape();
        if !borrowed.is_one_run(&shape) {
            return Err(scattered());
        }
        Ok(Self {
            bytes: NonNull::new(borrowed.view.bytes.cast()).unwrap_or(NonNull::dangling()),
            len: usize::try_from(borrowed.view.len).unwrap_or(0),
            element: borrowed.element()?,
            shape,
            _keeper: view.clone().into_any().unbind(),
        })
    }

    fn of_tensor(tensor: HostTensor) -> Self {
        Self {
            bytes: tensor.bytes,
            len: tensor.len,
            element: tensor.element,
            shape: tensor.shape,
            _keeper: tensor.capsule,
        }
    }

    pub(crate) fn element(&self) -> &'static Element {
        self.element
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }
}

fn scattered() -> PyErr {
    PyValueError::new_err(
        "the array's elements are not in one run in row-major order: use numpy.ascontiguousarray(array)",
    )
}

/// Whether one of NumPy's scalars is text or bytes, which it shows as these.
fn is_text(scalar: &Bound<'_, PyAny>) -> bool {
    scalar.is_instance_of::<PyString>() || scalar.is_instance_of::<PyBytes>()
}

fn is_masked(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = array.py();
    if array.get_type().is(numpy::ndarray(py)?) {
        return Ok(false);
    }
    array.is_instance(numpy::masked_array(py)?)
}

impl AsRef<[u8]> for Imported {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the keeper keeps so many bytes readable. Nothing keeps their owner from writing them
        // meanwhile, as with every reader of a buffer; they are copied bytewise only.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}
