//! Frames: received bytes, or another library's, as elements of a shape.
//!
//! Holds: the native base of `zenoh_pinned.Frame` (here), what gives that class the buffer protocol (`exporter`), and
//! which class it is and how its objects are made (`class`).
//!
//! Who may write what: nobody writes a frame. Locks: none; a frame never changes once it is made.
//!
//! Invariant: a view of a frame, of whatever protocol, keeps the frame's bytes.

pub(crate) mod class;
pub(crate) mod exporter;

use std::{ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use pyo3::{
    exceptions::{PyAttributeError, PyBufferError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};
use zenoh::bytes::ZBytes;
use zenoh_pinned::FallbackReason;

use self::class::FrameHandle;
use crate::{
    element::{Element, UINT8},
    errors, pinners,
    process::MadeIn,
    reason::Reason,
    shape::strides,
    sizes::{Sizes, tuple},
    target::Target,
    view::{
        array_interface,
        dlpack::{self, Access, Memory},
    },
    words,
};

/// The native part of `zenoh_pinned.Frame`.
#[pyclass(frozen, subclass, module = "zenoh_pinned._native", name = "FrameBase")]
pub(crate) struct Frame {
    frame: Arc<zenoh_pinned::Frame>,
    target: Target,
    element: &'static Element,
    shape: Vec<usize>,
    beside: Beside,
    made_in: MadeIn,
}

/// What came with a frame of a zenoh subscriber.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    pub(crate) key: Option<String>,
    pub(crate) attachment: Option<Vec<u8>>,
    pub(crate) timestamp: Option<DateTime<Utc>>,
}

impl Frame {
    pub(crate) fn shared(
        frame: Arc<zenoh_pinned::Frame>,
        target: Target,
        element: &'static Element,
        shape: Vec<usize>,
    ) -> Self {
        Self {
            frame,
            target,
            element,
            shape,
            beside: Beside::default(),
            made_in: MadeIn::this_process(),
        }
    }

    /// A frame of bytes that came over zenoh.
    pub(crate) fn received(frame: zenoh_pinned::Frame, target: Target, beside: Beside) -> Self {
        let shape = vec![frame.len()];
        Self {
            beside,
            ..Self::shared(Arc::new(frame), target, &UINT8, shape)
        }
    }

    /// The bytes as a frame of its own, for the host.
    ///
    /// # Errors
    /// `RuntimeError` in a forked child.
    pub(crate) fn for_host(&self) -> PyResult<zenoh_pinned::Frame> {
        self.made_in.check()?;
        let pinner = pinners::get(Target::Host);
        self.frame.for_pinner(&pinner).map_err(errors::frame)
    }

    /// The frame as a payload, to be published as it lies; `None` where it has to be copied.
    ///
    /// # Errors
    /// `RuntimeError` in a forked child.
    pub(crate) fn shared_payload(&self) -> PyResult<Option<ZBytes>> {
        self.made_in.check()?;
        Ok(self.frame.shared_payload())
    }

    /// So many of its bytes as a frame of their own; `None` where they are not its own.
    pub(crate) fn part(
        &self,
        range: Range<usize>,
        element: &'static Element,
        shape: Vec<usize>,
    ) -> Option<Self> {
        Some(Self {
            frame: Arc::new(self.frame.part(range)?),
            element,
            shape,
            beside: Beside::default(),
            ..self.again()
        })
    }

    /// Another one of the same bytes.
    fn again(&self) -> Self {
        Self {
            frame: self.frame.clone(),
            target: self.target,
            element: self.element,
            shape: self.shape.clone(),
            beside: self.beside.clone(),
            made_in: self.made_in,
        }
    }

    pub(crate) fn lies_in_shared_memory(&self) -> bool {
        self.frame.is_shared()
    }

    /// As an object of the Python class.
    pub(crate) fn into_object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        class::object(py, self)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.frame
    }

    pub(crate) fn element(&self) -> &'static Element {
        self.element
    }

    pub(crate) fn shape_of(&self) -> &[usize] {
        &self.shape
    }

    /// The frame, on its way to `target`.
    ///
    /// # Errors
    /// `NoDevice` where there is none, `RuntimeError` in a forked child.
    pub(crate) fn on_the_way_to(&self, target: Target) -> PyResult<Arc<zenoh_pinned::Frame>> {
        self.made_in.check()?;
        if target == self.target {
            return Ok(self.frame.clone());
        }
        let pinner = pinners::get(target);
        let frame = self.frame.for_pinner(&pinner).map_err(errors::frame)?;
        Ok(Arc::new(frame))
    }

    fn reinterpreted(&self, element: &'static Element, shape: &[i128]) -> PyResult<Self> {
        let shape = element.sizes_of(shape, self.frame.len())?;
        Ok(Self {
            element,
            shape,
            ..self.again()
        })
    }
}

#[pymethods]
impl Frame {
    #[new]
    #[pyo3(signature = (handle = None))]
    fn construct(handle: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let frame = handle.and_then(|handle| match handle.cast::<Self>() {
            Ok(frame) => Some(frame.get().again()),
            Err(_) => handle.cast::<FrameHandle>().ok()?.get().take(),
        });
        frame.ok_or_else(|| {
            PyTypeError::new_err("frames are received, or made by zenoh_pinned.frame(object)")
        })
    }

    /// The way of the bytes to the device: the one that they took, or before a copy would take.
    #[getter]
    fn path(&self, py: Python<'_>) -> String {
        py.detach(|| self.frame.path().to_string())
    }

    /// Why the way is not the direct one; `None` where it is.
    #[getter]
    fn reason(&self, py: Python<'_>) -> Option<Reason> {
        let reason: Option<FallbackReason> = py.detach(|| self.frame.reason());
        reason.map(Reason::of)
    }

    /// Whether the bytes arrived in shared memory, that is, without a copy.
    #[getter]
    fn is_shared(&self) -> bool {
        self.frame.is_shared()
    }

    /// The size in bytes.
    #[getter]
    fn nbytes(&self) -> usize {
        self.frame.len()
    }

    /// The sizes of the dimensions, in elements, in row-major order.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// The bytes from one element to the next of each dimension.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, strides(&self.shape, self.element.bytes))
    }

    /// The type of the elements, as NumPy names it.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.element.name
    }

    /// The key expression that it was published on; `None` where no `Subscriber` received it.
    #[getter]
    fn key(&self) -> Option<&str> {
        self.beside.key.as_deref()
    }

    /// What was published beside it.
    #[getter]
    fn attachment<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let attachment = self.beside.attachment.as_ref()?;
        Some(PyBytes::new(py, attachment))
    }

    /// The publisher's time, where its session stamps.
    #[getter]
    fn timestamp(&self) -> Option<DateTime<Utc>> {
        self.beside.timestamp
    }

    /// Return a frame of the same bytes with another shape and type.
    ///
    /// One size may be -1: it is what the others leave. Raise ``ValueError`` where these do not fit the bytes.
    /// Nothing is copied, and either keeps them.
    #[pyo3(signature = (shape, dtype = None))]
    fn view(
        &self,
        py: Python<'_>,
        shape: Sizes,
        dtype: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let element = match dtype {
            Some(dtype) => Element::of_dtype(dtype)?,
            None => self.element,
        };
        self.reinterpreted(element, shape.asked())?.into_object(py)
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.shape.first().copied();
        first.ok_or_else(|| PyTypeError::new_err("a frame of no dimension has no length"))
    }

    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.element.in_numpy(PyAttributeError::new_err)?;
        let address = self.frame.as_ptr() as u64;
        array_interface::of(py, self.element, &self.shape, address, true)
    }

    #[pyo3(signature = (*, stream = None, max_version = None, dl_device = None, copy = None))]
    fn __dlpack__(
        &self,
        py: Python<'_>,
        stream: Option<Bound<'_, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        if stream.is_some() {
            return Err(PyValueError::new_err(
                "a frame in host memory has no stream: to_device() makes one on a device",
            ));
        }
        let device = dl_device.unwrap_or(dlpack::CPU);
        let must_copy = copy == Some(true);
        let address = match device {
            dlpack::CPU => self.frame.as_ptr() as u64,
            dlpack::CUDA_HOST if must_copy => {
                return Err(PyBufferError::new_err(
                    "a copy of a frame is in ordinary memory, not in page-locked memory: leave dl_device or copy out",
                ));
            }
            dlpack::CUDA_HOST => self.registered_address()?,
            (kind, number) => {
                return Err(PyBufferError::new_err(format!(
                    "a frame is in host memory, not on device {number} of DLPack's type {kind}: use to_device()"
                )));
            }
        };
        let memory = Memory {
            address,
            device,
            element: self.element,
            shape: &self.shape,
            access: Access::ReadOnly,
        };
        if must_copy {
            return dlpack::capsule_of_copy(py, self.bytes(), &memory, max_version);
        }
        dlpack::capsule(py, &memory, max_version, Box::new(self.frame.clone()))
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        dlpack::CPU
    }

    fn __repr__(&self) -> String {
        format!(
            "<Frame {} {}, {} bytes{}, {}>",
            self.element.name,
            tuple(&self.shape),
            self.frame.len(),
            if self.frame.is_shared() {
                " shared"
            } else {
                ""
            },
            self.frame.path()
        )
    }
}

impl Frame {
    fn registered_address(&self) -> PyResult<u64> {
        let registered = self.frame.registered_address();
        let address = registered.map_err(|reason| {
            PyBufferError::new_err(format!(
                "the frame is not in registered memory: {}",
                words::in_python(&reason.to_string())
            ))
        })?;
        Ok(address.as_ptr() as u64)
    }
}
