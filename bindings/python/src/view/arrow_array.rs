//! Arrow arrays of other libraries, through the C data interface (`__arrow_c_array__`).

use arrow::{
    array::{ArrayRef, make_array},
    ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi},
};
use pyo3::{
    exceptions::PyValueError,
    intern,
    prelude::*,
    types::{PyCapsule, PyCapsuleMethods},
};

use crate::numpy;

/// The array that `object` is, without a copy; `None` where it is no Arrow array.
///
/// # Errors
/// What the library raises, or `ValueError` for an array that is not what it claims to be.
pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    let py = object.py();
    // What is asked for most has none; to look for it costs an exception.
    if object.get_type().is(numpy::ndarray(py)?) {
        return Ok(None);
    }
    let Some(export) = object.getattr_opt(intern!(py, "__arrow_c_array__"))? else {
        return Ok(None);
    };
    let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) =
        export.call0()?.extract()?;
    let schema = schema
        .pointer_checked(Some(c"arrow_schema"))?
        .cast::<FFI_ArrowSchema>();
    let array = array
        .pointer_checked(Some(c"arrow_array"))?
        .cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structures (the Arrow PyCapsule interface). Moving the array
    // out leaves one that is marked as released, so that the capsule releases nothing.
    let (array, schema) = unsafe { (FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
    // SAFETY: the library made the array, and vouches for its pointers and lengths.
    let data = unsafe { from_ffi(array, schema) };
    let data =
        data.map_err(|error| PyValueError::new_err(format!("not an Arrow array: {error}")))?;
    Ok(Some(make_array(data)))
}
