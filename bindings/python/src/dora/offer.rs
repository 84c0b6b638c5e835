//! Data that a message is to be made of, as an Arrow array.
//!
//! Data that lies ready is shown as it lies, and copied once later, into a slot. Whatever else an array can be made
//! of takes a further copy, by the package's Python part, and is marked so.

use std::{ptr::NonNull, sync::Arc};

use arrow::{
    array::{ArrayData, ArrayRef, make_array},
    buffer::Buffer,
};
use pyo3::{
    exceptions::{PyException, PyTypeError},
    prelude::*,
};

use crate::view::{arrow_array, imported::Imported};

/// Data as an Arrow array.
pub(super) struct Offer {
    pub(super) array: ArrayRef,
    pub(super) shape: Vec<usize>,
    /// Whether a copy was needed to make it one.
    pub(super) is_copy: bool,
}

impl Offer {
    /// The array of an Arrow array, a buffer or a DLPack tensor on the host, or what `convert` makes of anything
    /// else.
    ///
    /// # Errors
    /// Those of `convert`.
    pub(super) fn of(data: &Bound<'_, PyAny>, convert: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(array) = arrow_array::import(data)? {
            return Ok(Self {
                array,
                shape: Vec::new(),
                is_copy: false,
            });
        }
        match Self::as_it_lies(data) {
            // Whatever is no exception: an interrupt, for instance.
            Err(error) if !error.is_instance_of::<PyException>(data.py()) => Err(error),
            Err(_) => Self::converted(data, convert),
            offer => offer,
        }
    }

    fn as_it_lies(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let imported = Imported::of(data)?;
        Ok(Self {
            shape: imported.shape().to_vec(),
            array: array_of(imported)?,
            is_copy: false,
        })
    }

    fn converted(data: &Bound<'_, PyAny>, convert: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (array, shape): (Bound<'_, PyAny>, Vec<usize>) = convert.call1((data,))?.extract()?;
        let array = arrow_array::import(&array)?;
        Ok(Self {
            array: array.ok_or_else(|| PyTypeError::new_err("no Arrow array was made"))?,
            shape,
            is_copy: true,
        })
    }
}

/// A buffer as a flat Arrow array, without a copy.
fn array_of(imported: Imported) -> PyResult<ArrayRef> {
    let element = imported.element();
    let data_type = element.for_message()?.data_type();
    let bytes = imported.as_ref();
    let (address, len) = (NonNull::from(bytes).cast(), bytes.len());
    // SAFETY: the buffer keeps so many bytes readable while it exists, and the array keeps the buffer.
    let buffer = unsafe { Buffer::from_custom_allocation(address, len, Arc::new(Kept(imported))) };
    let data = ArrayData::builder(data_type)
        .len(len / element.bytes)
        .add_buffer(buffer)
        .align_buffers(true)
        .build();
    data.map(make_array)
        .map_err(|error| PyTypeError::new_err(format!("not an array that can be sent: {error}")))
}

/// Keeps a buffer for an Arrow array.
struct Kept(#[expect(dead_code, reason = "it keeps the memory")] Imported);

// A buffer that unwinding finds is the same as before: nobody writes it here.
impl std::panic::RefUnwindSafe for Kept {}
