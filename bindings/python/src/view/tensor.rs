//! DLPack, inward: tensors of other libraries in host memory.
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

use super::dlpack::{CPU, CUDA_HOST, MAJOR, Managed, Tensor, Unversioned, Versioned};
use crate::{element::Element, shape, sizes::tuple};

/// More dimensions than any library has.
const MAX_DIMENSIONS: i32 = 64;

/// A tensor of another library in host memory, its elements in one run.
pub(super) struct HostTensor {
    pub(super) bytes: NonNull<u8>,
    pub(super) len: usize,
    pub(super) element: &'static Element,
    pub(super) shape: Vec<usize>,
    /// Keeps the bytes.
    pub(super) capsule: Py<PyAny>,
}

impl HostTensor {
    /// The tensor that `object` is; `None` where it has no DLPack.
    ///
    /// # Errors
    /// `TypeError`: it is on a device, or of elements that are not in the table; `ValueError`: they are not in one run;
    /// and what its library raises.
    pub(super) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let Some(export) = object.getattr_opt(intern!(object.py(), "__dlpack__"))? else {
            return Ok(None);
        };
        if let Some(device) = object.getattr_opt(intern!(object.py(), "__dlpack_device__"))? {
            let (kind, _): (i32, i32) = device.call0()?.extract()?;
            on_the_host(kind)?;
        }
        let asked = PyDict::new(object.py());
        asked.set_item("max_version", (MAJOR, 1))?;
        let capsule = match export.call((), Some(&asked)) {
            // Libraries before DLPack 1.0 do not know the argument.
            Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => export.call0()?,
            exported => exported?,
        };
        let capsule = capsule.cast_into::<PyCapsule>()?;
        let (bytes, len, element, shape) = described(tensor_in(&capsule)?)?;
        Ok(Some(Self {
            bytes,
            len,
            element,
            shape,
            capsule: capsule.into_any().unbind(),
        }))
    }
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

type Described = (NonNull<u8>, usize, &'static Element, Vec<usize>);

fn described(tensor: &Tensor) -> PyResult<Described> {
    on_the_host(tensor.device_type)?;
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
    if !shape::is_one_run(len, element.bytes, &shape, &steps) {
        return Err(PyValueError::new_err(
            "the tensor's elements are not in one run in row-major order: use tensor.contiguous()",
        ));
    }
    let first = tensor.data.cast::<u8>();
    // Within the tensor's memory, as its library says.
    let first = NonNull::new(first.wrapping_add(tensor.byte_offset as usize));
    match (first, len) {
        (Some(first), _) => Ok((first, len, element, shape)),
        (None, 0) => Ok((NonNull::dangling(), 0, element, shape)),
        (None, _) => Err(PyValueError::new_err("the tensor has no memory")),
    }
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

fn on_the_host(kind: i32) -> PyResult<()> {
    if [CPU.0, CUDA_HOST.0].contains(&kind) {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "the tensor is on a device (DLPack's type {kind}), not in host memory: copy it there first, for instance with \
         tensor.cpu()"
    )))
}
