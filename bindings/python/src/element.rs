//! The types of elements, as NumPy, the buffer protocol, DLPack and Arrow name them.

use std::ffi::CStr;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyString,
};
use zenoh_pinned_node::dora::ElementType;

use crate::shape::resolve;

/// A fixed-width element in this machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// As `numpy.dtype.name`.
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    /// As the module `struct` and the buffer protocol have it.
    pub(crate) format: &'static CStr,
    /// As `__array_interface__` has it.
    pub(crate) array_type: &'static str,
    /// `DLDataTypeCode`.
    pub(crate) dlpack_code: u8,
    /// `None` for what a message cannot be written of in place.
    pub(crate) message: Option<ElementType>,
}

const SIGNED: u8 = 0;
const UNSIGNED: u8 = 1;
const FLOAT: u8 = 2;
const BOOLEAN: u8 = 6;

/// Bytes, which everything else is made of.
pub(crate) static UINT8: Element = ELEMENTS[0];

const fn element(
    (name, bytes): (&'static str, usize),
    format: &'static CStr,
    array_type: &'static str,
    dlpack_code: u8,
    message: Option<ElementType>,
) -> Element {
    Element {
        name,
        bytes,
        format,
        array_type,
        dlpack_code,
        message,
    }
}

const ELEMENTS: [Element; 12] = [
    element(
        ("uint8", 1),
        c"B",
        "|u1",
        UNSIGNED,
        Some(ElementType::Uint8),
    ),
    element(
        ("uint16", 2),
        c"H",
        "<u2",
        UNSIGNED,
        Some(ElementType::Uint16),
    ),
    element(
        ("uint32", 4),
        c"I",
        "<u4",
        UNSIGNED,
        Some(ElementType::Uint32),
    ),
    element(
        ("uint64", 8),
        c"Q",
        "<u8",
        UNSIGNED,
        Some(ElementType::Uint64),
    ),
    element(("int8", 1), c"b", "|i1", SIGNED, Some(ElementType::Int8)),
    element(("int16", 2), c"h", "<i2", SIGNED, Some(ElementType::Int16)),
    element(("int32", 4), c"i", "<i4", SIGNED, Some(ElementType::Int32)),
    element(("int64", 8), c"q", "<i8", SIGNED, Some(ElementType::Int64)),
    element(
        ("float16", 2),
        c"e",
        "<f2",
        FLOAT,
        Some(ElementType::Float16),
    ),
    element(
        ("float32", 4),
        c"f",
        "<f4",
        FLOAT,
        Some(ElementType::Float32),
    ),
    element(
        ("float64", 8),
        c"d",
        "<f8",
        FLOAT,
        Some(ElementType::Float64),
    ),
    element(("bool", 1), c"?", "|b1", BOOLEAN, None),
];

static TABLE: [Element; 12] = ELEMENTS;

#[cfg(target_endian = "big")]
compile_error!("the array interface's types above are little-endian");

impl Element {
    /// The element that anything is which `numpy.dtype` takes.
    ///
    /// # Errors
    /// `TypeError`: another byte order than this machine's, or no fixed-width number.
    pub(crate) fn of_dtype(dtype: &Bound<'_, PyAny>) -> PyResult<&'static Self> {
        // Asked for every frame, mostly by name.
        if let Ok(name) = dtype.cast::<PyString>()
            && let Some(element) = Self::of_name(&name.to_cow()?)
        {
            return Ok(element);
        }
        let numpy = dtype.py().import("numpy")?;
        let dtype = numpy.call_method1("dtype", (dtype,))?;
        let name: String = dtype.getattr("name")?.extract()?;
        let is_native: bool = dtype.getattr("isnative")?.extract()?;
        if !is_native {
            return Err(PyTypeError::new_err(format!(
                "elements of type {} are not in this machine's byte order: convert them, for instance with \
                 array.astype(array.dtype.newbyteorder('='))",
                dtype.repr()?
            )));
        }
        Self::of_name(&name).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "elements of type {name} cannot be shared as they are: use one of {}, or view them as bytes \
                 with array.view('uint8')",
                names()
            ))
        })
    }

    pub(crate) fn of_name(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|element| element.name == name)
    }

    /// The element that a `struct` format of one native element names.
    pub(crate) fn of_format(format: &CStr) -> Option<&'static Self> {
        let text = format.to_str().ok()?;
        let text = text.strip_prefix(['@', '=', '<']).unwrap_or(text);
        let bytes = |code: &str| match code {
            "l" => Some("q"),
            "L" => Some("Q"),
            "n" => Some("q"),
            "N" => Some("Q"),
            "c" => Some("B"),
            _ => None,
        };
        let text = bytes(text).unwrap_or(text);
        TABLE
            .iter()
            .find(|element| element.format.to_str() == Ok(text))
    }

    /// The sizes of a shape that was asked for, of so many bytes; one of them may be -1.
    ///
    /// # Errors
    /// `ValueError`: so many bytes are no array of these elements and that shape.
    pub(crate) fn sizes_of(&self, asked: &[i128], bytes: usize) -> PyResult<Vec<usize>> {
        let elements = (bytes.is_multiple_of(self.bytes)).then_some(bytes / self.bytes);
        let sizes = elements.and_then(|elements| resolve(asked, elements));
        sizes.ok_or_else(|| {
            PyValueError::new_err(format!(
                "{bytes} bytes are no array of {} and shape {asked:?}",
                self.name
            ))
        })
    }

    /// The element, for messages that are written in place.
    ///
    /// # Errors
    /// `TypeError`: a message has no such elements.
    pub(crate) fn for_message(&self) -> PyResult<ElementType> {
        self.message.ok_or_else(|| {
            PyTypeError::new_err(format!(
                "a message cannot be written in place of {} elements: use 'uint8', which array.view('uint8') gives",
                self.name
            ))
        })
    }
}

fn names() -> String {
    let names: Vec<_> = TABLE.iter().map(|element| element.name).collect();
    names.join(", ")
}
