//! Arrays of other libraries on a device, to be written: `__cuda_array_interface__`.

use pyo3::{
    exceptions::{PyBufferError, PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};

use crate::{
    numpy,
    shape::{count, strides},
};

/// An array on a device, in one run.
pub(super) struct Destination {
    pub(super) address: u64,
    pub(super) bytes: usize,
    /// The device's number; 0 where the array does not say.
    pub(super) ordinal: usize,
    /// The handle of the stream that the array is used on, where it says so.
    pub(super) stream: Option<u64>,
}

impl Destination {
    /// # Errors
    /// `TypeError`: it is no such array; `ValueError`: it is read-only, or not in one run; `BufferError`: it does not
    /// say what it is.
    pub(super) fn of(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Some(interface) = array.getattr_opt("__cuda_array_interface__")? else {
            return Err(PyTypeError::new_err(
                "the destination is no array on a CUDA device: it has no __cuda_array_interface__",
            ));
        };
        let interface = interface.cast_into::<PyDict>()?;
        let given = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            Ok(interface.get_item(key)?.filter(|value| !value.is_none()))
        };
        let needed = |key: &str| interface.get_item(key)?.ok_or_else(missing);
        let (address, is_read_only): (u64, bool) = needed("data")?.extract()?;
        if is_read_only {
            return Err(PyValueError::new_err("the destination is read-only"));
        }
        let shape: Vec<usize> = needed("shape")?.extract()?;
        let item_bytes = item_bytes(&needed("typestr")?)?;
        let bytes = count(&shape).and_then(|count| count.checked_mul(item_bytes));
        let bytes = bytes.ok_or_else(missing)?;
        if let Some(steps) = given("strides")?
            && steps.extract::<Vec<isize>>()? != strides(&shape, item_bytes)
        {
            return Err(PyValueError::new_err(
                "the destination's elements are not in one run: use .contiguous()",
            ));
        }
        Ok(Self {
            address,
            bytes,
            ordinal: ordinal_of(array)?,
            stream: given("stream")?
                .map(|stream| stream.extract())
                .transpose()?,
        })
    }
}

fn missing() -> PyErr {
    PyBufferError::new_err("__cuda_array_interface__ lacks data, shape or typestr")
}

/// The size of an element. Only that matters here: some libraries have elements that NumPy has no name for.
fn item_bytes(array_type: &Bound<'_, PyAny>) -> PyResult<usize> {
    let dtype = numpy::dtype(array_type.py())?.call1((array_type,))?;
    dtype.getattr("itemsize")?.extract()
}

fn ordinal_of(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    let Some(device) = array.getattr_opt("__dlpack_device__")? else {
        return Ok(0);
    };
    let (_, ordinal): (i32, usize) = device.call0()?.extract()?;
    Ok(ordinal)
}
