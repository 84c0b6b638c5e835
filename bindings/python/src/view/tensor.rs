//! DLPack, inward: tensors of other libraries, in host memory or on a device.
//!
//! NumPy's own import has none of the short floats, so this reads the capsule itself. The capsule is kept as it
//! came and never renamed: its end is the consumer's last call.

use std::{ffi::CStr, ptr::NonNull, slice};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyCapsule, PyCapsuleMethods, PyDict},
};

use super::{
    dlpack::{CPU, CUDA, CUDA_HOST, MAJOR, Managed, Tensor, Unversioned, Versioned},
    strided::{Strided, scattered},
};
use crate::{element::Element, shape, sizes::tuple};

/// More dimensions than any library has.
const MAX_DIMENSIONS: i32 = 64;

/// A tensor of another library on a device, its elements in one run.
pub(crate) struct DeviceTensor {
    pub(crate) address: u64,
    pub(crate) bytes: usize,
    pub(crate) element: &'static Element,
    pub(crate) shape: Vec<usize>,
    /// Keeps the memory.
    _capsule: Py<PyAny>,
}

impl DeviceTensor {
    /// The tensor that `object` is, which its library has made ready for the stream of this handle.
    ///
    /// # Errors
    /// `TypeError`: it is of elements that are not in the table, or not on the device that it says; `ValueError`: they are
    /// not in one run; and what its library raises.
    pub(crate) fn of(object: &Bound<'_, PyAny>, ordinal: usize, stream: u64) -> PyResult<Self> {
        let export = object.getattr(intern!(object.py(), "__dlpack__"))?;
        let asked = PyDict::new(object.py());
        asked.set_item("stream", stream)?;
        let capsule = exported(&export, &asked)?;
        let tensor = tensor_in(&capsule)?;
        if usize::try_from(tensor.device_id) != Ok(ordinal) || tensor.device_type != CUDA {
            return Err(not_on_the_host(tensor.device_type));
        }
        let Described {
            first,
            element,
            shape,
            steps,
        } = described(tensor)?;
        let bytes = shape::count(&shape).map_or(0, |count| count * element.bytes);
        if !shape::is_one_run(bytes, element.bytes, &shape, &steps) {
            return Err(scattered());
        }
        Ok(Self {
            address: first.as_ptr() as u64,
            bytes,
            element,
            shape,
            _capsule: capsule.into_any().unbind(),
        })
    }
}

/// The number of the CUDA device that a tensor is on; `None` for other tensors, and for what is none.
///
/// # Errors
/// What its library raises.
pub(crate) fn cuda_device(object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let Some(device) = object.getattr_opt(intern!(object.py(), "__dlpack_device__"))? else {
        return Ok(None);
    };
    let (kind, ordinal): (i32, i32) = device.call0()?.extract()?;
    Ok(usize::try_from(ordinal).ok().filter(|_| kind == CUDA))
}

/// The tensor that `object` is; `None` where it has no DLPack.
///
/// # Errors
/// `TypeError`: it is on a device, or of elements that are not in the table; and what its library raises.
pub(super) fn on_the_host(object: &Bound<'_, PyAny>) -> PyResult<Option<Strided>> {
    let Some(export) = object.getattr_opt(intern!(object.py(), "__dlpack__"))? else {
        return Ok(None);
    };
    if let Some(device) = object.getattr_opt(intern!(object.py(), "__dlpack_device__"))? {
        let (kind, _): (i32, i32) = device.call0()?.extract()?;
        is_the_host(kind)?;
    }
    let capsule = exported(&export, &PyDict::new(object.py()))?;
    let tensor = tensor_in(&capsule)?;
    is_the_host(tensor.device_type)?;
    let Described {
        first,
        element,
        shape,
        steps,
    } = described(tensor)?;
    let keeper = capsule.clone().into_any().unbind();
    // SAFETY: the capsule keeps so many elements readable, as their library says.
    let strided = unsafe { Strided::new(first, element, shape, steps, keeper) };
    strided.map(Some).ok_or_else(scattered)
}

/// A capsule of the newest version that both know.
fn exported<'py>(
    export: &Bound<'py, PyAny>,
    asked: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyCapsule>> {
    asked.set_item("max_version", (MAJOR, 1))?;
    let capsule = match export.call((), Some(asked)) {
        // Libraries before DLPack 1.0 do not know the argument.
        Err(error) if error.is_instance_of::<PyTypeError>(export.py()) => {
            asked.del_item("max_version")?;
            export.call((), Some(asked))?
        }
        exported => exported?,
    };
    Ok(capsule.cast_into()?)
}

/// A tensor as its library describes it, for as long as the capsule lives.
fn tensor_in<'a>(capsule: &'a Bound<'_, PyCapsule>) -> PyResult<&'a Tensor> {
    if let Some(versioned) = pointer::<Versioned>(capsule, Versioned::NAME) {
        // SAFETY: a capsule of this name holds this structure while nobody has renamed it; its version stands at
        // the same place in every one.
        let versioned = unsafe { versioned.as_ref() };
        if versioned.version.major != MAJOR {
            return Err(PyTypeError::new_err(format!(
                "the tensor is of DLPack {}.{}, {MAJOR}.x is needed",
                versioned.version.major, versioned.version.minor
            )));
        }
        return Ok(&versioned.tensor);
    }
    let unversioned = pointer::<Unversioned>(capsule, Unversioned::NAME)
        .ok_or_else(|| PyTypeError::new_err("__dlpack__() gave no tensor"))?;
    // SAFETY: as above.
    Ok(unsafe { &unversioned.as_ref().tensor })
}

fn pointer<T>(capsule: &Bound<'_, PyCapsule>, name: &CStr) -> Option<NonNull<T>> {
    let pointer = capsule.pointer_checked(Some(name)).ok()?;
    Some(pointer.cast())
}

struct Described {
    first: NonNull<u8>,
    element: &'static Element,
    shape: Vec<usize>,
    /// In bytes.
    steps: Vec<isize>,
}

fn described(tensor: &Tensor) -> PyResult<Described> {
    let kind = &tensor.data_type;
    let element = Element::of_dlpack(kind.code, kind.bits).filter(|_| kind.lanes == 1);
    let element = element.ok_or_else(|| {
        PyTypeError::new_err(format!(
            "the tensor's elements (DLPack's code {}, {} bits, {} lanes) cannot be shared as they are: view them \
             as bytes",
            kind.code, kind.bits, kind.lanes
        ))
    })?;
    let dimensions = usize::try_from(tensor.dimensions)
        .ok()
        .filter(|_| tensor.dimensions <= MAX_DIMENSIONS)
        .ok_or_else(|| {
            PyValueError::new_err("the tensor's dimensions are not what they claim to be")
        })?;
    let sizes = list(tensor.shape, dimensions);
    let shape: Option<Vec<usize>> = sizes
        .iter()
        .map(|size| usize::try_from(*size).ok())
        .collect();
    let len = shape
        .as_deref()
        .and_then(shape::count)
        .and_then(|count| count.checked_mul(element.bytes));
    let (Some(shape), Some(len)) = (shape, len) else {
        return Err(PyValueError::new_err(format!(
            "the tensor's shape {} is no memory's",
            tuple(sizes)
        )));
    };
    let steps = list(tensor.strides, dimensions).iter();
    let steps = steps.map(|step| (*step as isize).saturating_mul(element.bytes as isize));
    let steps: Vec<isize> = steps.collect();
    let first = tensor.data.cast::<u8>();
    // Within the tensor's memory, as its library says.
    let first = NonNull::new(first.wrapping_add(tensor.byte_offset as usize));
    let first = match (first, len) {
        (Some(first), _) => first,
        (None, 0) => NonNull::dangling(),
        (None, _) => return Err(PyValueError::new_err("the tensor has no memory")),
    };
    Ok(Described {
        first,
        element,
        shape,
        steps,
    })
}

/// One of the tensor's lists; empty where it has none.
fn list<'a>(of: *const i64, dimensions: usize) -> &'a [i64] {
    match of.is_null() || dimensions == 0 {
        true => &[],
        // SAFETY: the library gives an entry for each dimension, for as long as the tensor lives, which the caller
        // does not outlive.
        false => unsafe { slice::from_raw_parts(of, dimensions) },
    }
}

fn is_the_host(kind: i32) -> PyResult<()> {
    match [CPU.0, CUDA_HOST.0].contains(&kind) {
        true => Ok(()),
        false => Err(not_on_the_host(kind)),
    }
}

fn not_on_the_host(kind: i32) -> PyErr {
    PyTypeError::new_err(format!(
        "the tensor is on a device (DLPack's type {kind}), not in host memory: copy it there first, for instance with \
         tensor.cpu()"
    ))
}
