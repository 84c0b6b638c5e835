//! Elements of another object, through its buffer or DLPack.

use std::{ffi::CStr, mem::MaybeUninit, ptr::NonNull, slice};

use pyo3::{
    exceptions::{PyException, PyTypeError},
    prelude::*,
    types::{PyBytes, PyMemoryView, PyString},
};

use super::{
    buffer_protocol::{self, Buffer, FULL_READ_ONLY},
    strided::{Strided, scattered},
    tensor,
};
use crate::{
    element::{Element, UINT8},
    numpy,
};

/// Elements in host memory that another object shows, in one run in row-major order.
pub(crate) struct Imported(Strided);

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

    fn is_direct(&self) -> bool {
        self.view.suboffsets.is_null()
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // SAFETY: filled by the exporter, released once; the interpreter is attached, as `object` shows.
        unsafe { buffer_protocol::release(&mut self.view) };
    }
}

impl Imported {
    /// As [`Strided::imported`], of what is in one run.
    ///
    /// # Errors
    /// As there; `ValueError` where the elements are not in one run.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::in_one_run(Strided::imported(object)?).map_err(|_| scattered())
    }

    /// The same elements; they themselves where they are not in one run.
    pub(crate) fn in_one_run(strided: Strided) -> Result<Self, Strided> {
        match strided.as_one_run() {
            Some(_) => Ok(Self(strided)),
            None => Err(strided),
        }
    }

    pub(crate) fn element(&self) -> &'static Element {
        self.0.element()
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.0.shape()
    }
}

impl From<Imported> for Strided {
    fn from(imported: Imported) -> Self {
        imported.0
    }
}

impl AsRef<[u8]> for Imported {
    fn as_ref(&self) -> &[u8] {
        self.0.as_one_run().unwrap_or_default()
    }
}

impl Strided {
    /// The elements of an array, a buffer, a DLPack tensor on the host, or what NumPy makes an array of by its
    /// array interface.
    ///
    /// # Errors
    /// `TypeError` where it is none of these, or not of numbers, or some of them are masked.
    pub(crate) fn imported(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if object.is_instance(numpy::ndarray(py)?)? {
            return of_array(object);
        }
        if object.is_instance(numpy::generic(py)?)? && !is_text(object) {
            return of_array(&numpy::asarray(object)?);
        }
        match PyMemoryView::from(object) {
            Ok(view) => of_view(&view),
            Err(error) => match tensor::on_the_host(object)? {
                Some(tensor) => Ok(tensor),
                // A type with this interface and without the buffer protocol has to be asked by NumPy.
                None if object.hasattr("__array_interface__")? => {
                    of_array(&numpy::asarray(object)?)
                }
                None => Err(error),
            },
        }
    }
}

fn of_array(array: &Bound<'_, PyAny>) -> PyResult<Strided> {
    if is_masked(array)? {
        return Err(PyTypeError::new_err(
            "a masked array has a mask beside its elements, which would be lost: send array.filled(value), and \
             the mask as a message of its own",
        ));
    }
    match PyMemoryView::from(array) {
        Ok(view) => of_view(&view),
        // NumPy exports no buffer of these: not numbers, or those of the package `ml_dtypes`.
        Err(error) if error.is_instance_of::<PyException>(array.py()) => {
            let element = Element::of_dtype(&array.getattr("dtype")?)?;
            let bits = format!("uint{}", element.bytes * 8);
            // The base's own method, whatever a subclass has.
            let class = numpy::ndarray(array.py())?;
            let bits = class.call_method1("view", (array, bits))?;
            of_view_as(&PyMemoryView::from(&bits)?, Some(element))
        }
        Err(error) => Err(error),
    }
}

fn of_view(view: &Bound<'_, PyMemoryView>) -> PyResult<Strided> {
    of_view_as(view, None)
}

/// A view's elements, or those that its own are the bits of.
fn of_view_as(
    view: &Bound<'_, PyMemoryView>,
    element: Option<&'static Element>,
) -> PyResult<Strided> {
    let borrowed = Borrowed::of(view.as_any())?;
    let element = match element {
        Some(element) => element,
        None => borrowed.element()?,
    };
    let first = NonNull::new(borrowed.view.bytes.cast()).unwrap_or(NonNull::dangling());
    let (shape, steps) = (borrowed.shape(), borrowed.list(borrowed.view.strides));
    let keeper = view.clone().into_any().unbind();
    // SAFETY: the view keeps so many elements readable, as its exporter says.
    let strided = unsafe { Strided::new(first, element, shape, steps, keeper) };
    let is_all = |strided: &Strided| isize::try_from(strided.bytes()) == Ok(borrowed.view.len);
    strided
        .filter(|strided| is_all(strided) && borrowed.is_direct())
        .ok_or_else(scattered)
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
