//! DLPack, outward: capsules that other libraries take memory from.
//!
//! Specified by dlpack.h 1.0 and the Python array API's `__dlpack__`.

use std::ffi::{CStr, c_void};

use pyo3::{exceptions::PyBufferError, ffi, prelude::*};

use crate::{element::Element, shape::strides};

/// `DLDevice`s: a type, and the number of a device of that type.
pub(crate) const CPU: (i32, i32) = (1, 0);
pub(crate) const CUDA_HOST: (i32, i32) = (3, 0);

/// The type of CUDA devices.
pub(crate) const CUDA: i32 = 2;

/// The CUDA device of this number.
pub(crate) const fn cuda(ordinal: i32) -> (i32, i32) {
    (CUDA, ordinal)
}

/// The version of these structures. Elements may ask for a later minor one, which is told.
pub(super) const MAJOR: u32 = 1;
/// `DLPACK_FLAG_BITMASK_READ_ONLY`.
const READ_ONLY: u64 = 1;
/// `DLPACK_FLAG_BITMASK_IS_COPIED`.
const IS_COPIED: u64 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

#[repr(C)]
pub(super) struct DataType {
    pub(super) code: u8,
    pub(super) bits: u8,
    pub(super) lanes: u16,
}

/// `DLTensor`, its `DLDevice` spelled out.
#[repr(C)]
pub(super) struct Tensor {
    pub(super) data: *mut c_void,
    pub(super) device_type: i32,
    pub(super) device_id: i32,
    pub(super) dimensions: i32,
    pub(super) data_type: DataType,
    pub(super) shape: *mut i64,
    pub(super) strides: *mut i64,
    pub(super) byte_offset: u64,
}

/// `DLManagedTensor`, of libraries before 1.0.
#[repr(C)]
pub(super) struct Unversioned {
    pub(super) tensor: Tensor,
    pub(super) context: *mut c_void,
    pub(super) deleter: Option<unsafe extern "C" fn(*mut Unversioned)>,
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
pub(super) struct Versioned {
    pub(super) version: Version,
    pub(super) context: *mut c_void,
    pub(super) deleter: Option<unsafe extern "C" fn(*mut Versioned)>,
    pub(super) flags: u64,
    pub(super) tensor: Tensor,
}

/// A managed tensor, what it points to, and what keeps the memory. The tensor is first, so that its address
/// is that of the whole.
#[repr(C)]
struct Exported<Managed> {
    managed: Managed,
    shape: Vec<i64>,
    strides: Vec<i64>,
    _keeper: Box<dyn Send>,
}

/// Memory to be shown.
pub(crate) struct Memory<'a> {
    pub(crate) address: u64,
    pub(crate) device: (i32, i32),
    pub(crate) element: &'static Element,
    pub(crate) shape: &'a [usize],
    pub(crate) access: Access,
}

/// What the consumer may do with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Others read it too.
    ReadOnly,
    /// It is one array, whoever shows it.
    Shared,
    /// It is a copy, which the consumer alone has.
    Copied,
}

/// A capsule of the version that the consumer asks for; `keeper` is dropped, on any thread and without the
/// interpreter, when the consumer has done.
///
/// # Errors
/// `BufferError` where read-only memory is asked for in a version that cannot say so.
pub(crate) fn capsule(
    py: Python<'_>,
    memory: &Memory<'_>,
    max_version: Option<(u32, u32)>,
    keeper: Box<dyn Send>,
) -> PyResult<Py<PyAny>> {
    let is_versioned = max_version.is_some_and(|(major, _)| major >= MAJOR);
    if is_versioned {
        let managed = Versioned {
            version: Version {
                major: MAJOR,
                minor: memory.element.dlpack_minor(),
            },
            context: std::ptr::null_mut(),
            deleter: Some(delete::<Versioned>),
            flags: match memory.access {
                Access::ReadOnly => READ_ONLY,
                Access::Shared => 0,
                Access::Copied => IS_COPIED,
            },
            tensor: memory.tensor(),
        };
        return wrap(py, export(memory, managed, keeper));
    }
    if memory.access == Access::ReadOnly {
        return Err(PyBufferError::new_err(
            "a received frame is read-only, which DLPack says since version 1.0 only and this consumer asked for \
             an older one: update it, or give it a copy (numpy.array(frame))",
        ));
    }
    let managed = Unversioned {
        tensor: memory.tensor(),
        context: std::ptr::null_mut(),
        deleter: Some(delete::<Unversioned>),
    };
    wrap(py, export(memory, managed, keeper))
}

/// A capsule of a copy of `bytes`, in ordinary memory; of `memory` only elements and shape count.
///
/// # Errors
/// None but Python's own.
pub(crate) fn capsule_of_copy(
    py: Python<'_>,
    bytes: &[u8],
    memory: &Memory<'_>,
    max_version: Option<(u32, u32)>,
) -> PyResult<Py<PyAny>> {
    let copy = py.detach(|| AlignedCopy::of(bytes));
    let memory = Memory {
        address: copy.0.as_ptr() as u64,
        device: CPU,
        access: Access::Copied,
        ..*memory
    };
    capsule(py, &memory, max_version, Box::new(copy))
}

/// Bytes that begin where DLPack wants data to begin: at a multiple of 256.
struct AlignedCopy(Vec<AlignedBytes>);

#[derive(Clone, Copy)]
#[repr(align(256))]
struct AlignedBytes([u8; 256]);

impl AlignedCopy {
    fn of(bytes: &[u8]) -> Self {
        let pieces = bytes.chunks(256).map(|piece| {
            let mut aligned = AlignedBytes([0; 256]);
            aligned.0[..piece.len()].copy_from_slice(piece);
            aligned
        });
        Self(pieces.collect())
    }
}

impl Memory<'_> {
    fn tensor(&self) -> Tensor {
        Tensor {
            data: self.address as *mut c_void,
            device_type: self.device.0,
            device_id: self.device.1,
            dimensions: self.shape.len() as i32,
            data_type: DataType {
                code: self.element.dlpack_code,
                bits: (self.element.bytes * 8) as u8,
                lanes: 1,
            },
            shape: std::ptr::null_mut(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        }
    }
}

pub(super) trait Managed {
    const NAME: &'static CStr;

    fn tensor(&mut self) -> &mut Tensor;
}

impl Managed for Versioned {
    const NAME: &'static CStr = c"dltensor_versioned";

    fn tensor(&mut self) -> &mut Tensor {
        &mut self.tensor
    }
}

impl Managed for Unversioned {
    const NAME: &'static CStr = c"dltensor";

    fn tensor(&mut self) -> &mut Tensor {
        &mut self.tensor
    }
}

fn export<M: Managed>(memory: &Memory<'_>, managed: M, keeper: Box<dyn Send>) -> *mut M {
    let steps = strides(memory.shape, 1);
    let mut exported = Box::new(Exported {
        managed,
        shape: memory.shape.iter().map(|size| *size as i64).collect(),
        strides: steps.into_iter().map(|step| step as i64).collect(),
        _keeper: keeper,
    });
    let shape = exported.shape.as_mut_ptr();
    let strides = exported.strides.as_mut_ptr();
    let tensor = exported.managed.tensor();
    (tensor.shape, tensor.strides) = (shape, strides);
    Box::into_raw(exported).cast()
}

/// The consumer's last call.
unsafe extern "C" fn delete<M>(managed: *mut M) {
    // SAFETY: made by `export` of the same type, whose first field it is, and deleted once.
    drop(unsafe { Box::from_raw(managed.cast::<Exported<M>>()) });
}

fn wrap<M: Managed>(py: Python<'_>, managed: *mut M) -> PyResult<Py<PyAny>> {
    let (pointer, name) = (managed.cast(), M::NAME.as_ptr());
    // SAFETY: the name is static, and the pointer is a box's.
    let capsule = unsafe { ffi::PyCapsule_New(pointer, name, Some(forget::<M>)) };
    if capsule.is_null() {
        // SAFETY: nobody else has it.
        unsafe { delete(managed) };
    }
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, capsule) }.map(Bound::unbind)
}

/// The end of a capsule that nobody consumed; a consumer gives it another name.
unsafe extern "C" fn forget<M: Managed>(capsule: *mut ffi::PyObject) {
    // SAFETY: the interpreter is attached, and the capsule is alive during its destructor.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, M::NAME.as_ptr()) == 1 {
            delete(ffi::PyCapsule_GetPointer(capsule, M::NAME.as_ptr()).cast::<M>());
        }
    }
}
