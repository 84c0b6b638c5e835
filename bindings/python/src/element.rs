//! The types of elements, as NumPy, the buffer protocol, DLPack and Arrow name them.

use std::ffi::CStr;

use pyo3::{
    exceptions::{PyImportError, PyTypeError, PyValueError},
    prelude::*,
    types::PyString,
};
use zenoh_pinned_node::tensor::ElementType;

use crate::{numpy, shape::resolve, sizes::tuple};

/// A fixed-width element in this machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// As `numpy.dtype.name`.
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    /// As the module `struct` and the buffer protocol have it. `None`: they have no such element, and NumPy has it only
    /// with the package `ml_dtypes`.
    pub(crate) format: Option<&'static CStr>,
    /// As `__array_interface__` has it; raw bytes where there is no format.
    pub(crate) array_type: &'static str,
    /// `DLDataTypeCode`.
    pub(crate) dlpack_code: u8,
    /// As a dora message has it; `None`: no message of these can be written in place.
    pub(crate) message: Option<ElementType>,
}

const SIGNED: u8 = 0;
const UNSIGNED: u8 = 1;
const FLOAT: u8 = 2;
const BRAIN_FLOAT: u8 = 4;
const BOOLEAN: u8 = 6;
/// The first of the codes that came with DLPack 1.1.
const FIRST_OF_FLOAT8: u8 = 7;

/// Bytes, which everything else is made of.
pub(crate) static UINT8: Element = TABLE[0];

const fn number(
    name: &'static str,
    format: &'static CStr,
    array_type: &'static str,
    dlpack_code: u8,
    message: ElementType,
) -> Element {
    Element {
        name,
        bytes: message.bytes(),
        format: Some(format),
        array_type,
        dlpack_code,
        message: Some(message),
    }
}

/// A number of the package `ml_dtypes`.
const fn short_float(name: &'static str, bytes: usize, dlpack_code: u8) -> Element {
    Element {
        name,
        bytes,
        format: None,
        array_type: if bytes == 1 { "|V1" } else { "|V2" },
        dlpack_code,
        message: None,
    }
}

#[rustfmt::skip]
static TABLE: [Element; 21] = [
    number("uint8", c"B", "|u1", UNSIGNED, ElementType::Uint8),
    number("uint16", c"H", "<u2", UNSIGNED, ElementType::Uint16),
    number("uint32", c"I", "<u4", UNSIGNED, ElementType::Uint32),
    number("uint64", c"Q", "<u8", UNSIGNED, ElementType::Uint64),
    number("int8", c"b", "|i1", SIGNED, ElementType::Int8),
    number("int16", c"h", "<i2", SIGNED, ElementType::Int16),
    number("int32", c"i", "<i4", SIGNED, ElementType::Int32),
    number("int64", c"q", "<i8", SIGNED, ElementType::Int64),
    number("float16", c"e", "<f2", FLOAT, ElementType::Float16),
    number("float32", c"f", "<f4", FLOAT, ElementType::Float32),
    number("float64", c"d", "<f8", FLOAT, ElementType::Float64),
    Element {
        name: "bool",
        bytes: 1,
        format: Some(c"?"),
        array_type: "|b1",
        dlpack_code: BOOLEAN,
        message: None,
    },
    short_float("bfloat16", 2, BRAIN_FLOAT),
    short_float("float8_e3m4", 1, FIRST_OF_FLOAT8),
    short_float("float8_e4m3", 1, 8),
    short_float("float8_e4m3b11fnuz", 1, 9),
    short_float("float8_e4m3fn", 1, 10),
    short_float("float8_e4m3fnuz", 1, 11),
    short_float("float8_e5m2", 1, 12),
    short_float("float8_e5m2fnuz", 1, 13),
    short_float("float8_e8m0fnu", 1, 14),
];

#[cfg(target_endian = "big")]
compile_error!("the array interface's types above are little-endian");

impl Element {
    /// The element of a type, given as anything that `numpy.dtype` takes.
    ///
    /// # Errors
    /// `TypeError`: another byte order than this machine's, or no fixed-width number.
    pub(crate) fn of_dtype(dtype: &Bound<'_, PyAny>) -> PyResult<&'static Self> {
        // Asked for every frame, mostly by name, which needs no NumPy.
        if let Ok(name) = dtype.cast::<PyString>()
            && let Some(element) = Self::of_name(&name.to_cow()?)
        {
            return Ok(element);
        }
        let dtype = numpy::dtype(dtype.py())?.call1((dtype,))?;
        let name: String = dtype.getattr("name")?.extract()?;
        let is_native: bool = dtype.getattr("isnative")?.extract()?;
        if !is_native {
            return Err(PyTypeError::new_err(format!(
                "elements of type {} are not in this machine's byte order: convert them, for instance with \
                 array.astype(array.dtype.newbyteorder('='))",
                dtype.repr()?
            )));
        }
        match Self::of_name(&name) {
            Some(element) => Ok(element),
            None => Err(PyTypeError::new_err(format!(
                "elements of type {name} cannot be shared as they are: {}",
                advice(&dtype)?
            ))),
        }
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
        let is_named = |element: &&Self| {
            let format = element.format.and_then(|format| format.to_str().ok());
            format == Some(text)
        };
        TABLE.iter().find(is_named)
    }

    /// The element that DLPack has under this code, of so many bits.
    pub(crate) fn of_dlpack(code: u8, bits: u8) -> Option<&'static Self> {
        let is_named =
            |element: &&Self| element.dlpack_code == code && element.bytes * 8 == usize::from(bits);
        TABLE.iter().find(is_named)
    }

    /// The minor version of DLPack 1 that has the element.
    pub(crate) fn dlpack_minor(&self) -> u32 {
        u32::from(self.dlpack_code >= FIRST_OF_FLOAT8)
    }

    /// NumPy's type of these elements.
    ///
    /// # Errors
    /// `ImportError`: it is one of the package `ml_dtypes`, which is not there.
    pub(crate) fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let class = numpy::dtype(py)?;
        if self.format.is_some() {
            return class.call1((self.name,));
        }
        let package = py.import("ml_dtypes").map_err(|_| {
            PyImportError::new_err(format!(
                "NumPy has {} of the package ml_dtypes only: pip install ml_dtypes, or read the elements as \
                 'uint{}'",
                self.name,
                self.bytes * 8
            ))
        })?;
        class.call1((package.getattr(self.name)?,))
    }

    /// Whether NumPy has these elements without further packages.
    ///
    /// # Errors
    /// What `missing` makes of what has to be done.
    pub(crate) fn in_numpy(&self, missing: fn(String) -> PyErr) -> PyResult<()> {
        match self.format {
            Some(_) => Ok(()),
            None => Err(missing(format!(
                "NumPy has no {} of its own: use .numpy(), with the package ml_dtypes, DLPack, or \
                 .view(shape, 'uint{}')",
                self.name,
                self.bytes * 8
            ))),
        }
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
                "{bytes} bytes are no array of {} and shape {}",
                self.name,
                tuple(asked)
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
                "Arrow, which messages are made of, has no {} of one element behind the other: use 'uint{}', which \
                 array.view('uint{}') gives",
                self.name,
                self.bytes * 8,
                self.bytes * 8
            ))
        })
    }
}

/// What to do with elements that are not in the table.
fn advice(dtype: &Bound<'_, PyAny>) -> PyResult<String> {
    let kind: String = dtype.getattr("kind")?.extract()?;
    Ok(match kind.as_str() {
        "M" | "m" => String::from("they are integers, which array.view('int64') gives"),
        "O" | "T" => String::from(
            "they are references to objects of this process: make bytes of them, for instance with pickle or \
             as text in UTF-8",
        ),
        "U" => String::from(
            "encode them, for instance with numpy.char.encode(array, 'utf-8').view('uint8')",
        ),
        _ => format!(
            "use one of {}, or view them as bytes with array.view('uint8')",
            names()
        ),
    })
}

fn names() -> String {
    let names: Vec<_> = TABLE.iter().map(|element| element.name).collect();
    names.join(", ")
}

/// NumPy's type of elements that can be shared, by the name of it or anything else that `numpy.dtype` takes;
/// those of the package ``ml_dtypes`` also where it has not been imported yet.
#[pyfunction]
pub(crate) fn numpy_dtype<'py>(dtype: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Element::of_dtype(dtype)?.dtype(dtype.py())
}
