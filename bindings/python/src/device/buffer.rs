//! Device memory that other libraries import.

use std::sync::Arc;

use pyo3::{
    exceptions::{PyAttributeError, PyBufferError, PyValueError},
    prelude::*,
    types::{PyByteArray, PyDict, PyTuple},
};
use zenoh_pinned::Pinner;

use super::stream;
use crate::{
    element::Element,
    errors,
    reason::Reason,
    sizes::tuple,
    view::{
        array_interface,
        dlpack::{self, Access, Memory},
    },
};

/// `__dlpack__(stream=...)`: the consumer orders nothing.
const NO_ORDER: i64 = -1;

/// An array on a CUDA device, made by `to_device()`.
///
/// ``torch.from_dlpack``, ``cupy.from_dlpack`` and ``jax.dlpack.from_dlpack`` take it without a copy. Whatever is
/// then enqueued on the stream that the importing library names runs behind the copy, as does what is enqueued on the
/// stream of `to_device()`. Nobody waits, but beside a CUDA graph capture. From there it may go to any stream of any
/// library. Its memory is freed when this and all that imported it have gone, behind all the work that is enqueued by
/// then, on whatever stream.
///
///     >>> import numpy, zenoh_pinned
///     >>> image = zenoh_pinned.to_device(numpy.arange(4, dtype="uint8"), "cuda:0")
///     >>> image.device, image.shape
///     ('cuda:0', (4,))
///     >>> image.to_host()
///     array([0, 1, 2, 3], dtype=uint8)
#[pyclass(frozen, module = "zenoh_pinned")]
pub(crate) struct DeviceBuffer {
    /// Kept by everybody who has imported the buffer.
    memory: Arc<zenoh_pinned::DeviceBuffer>,
    pinner: Pinner,
    element: &'static Element,
    shape: Vec<usize>,
}

impl DeviceBuffer {
    pub(crate) fn new(
        memory: zenoh_pinned::DeviceBuffer,
        pinner: Pinner,
        (element, shape): (&'static Element, Vec<usize>),
    ) -> Self {
        Self {
            memory: Arc::new(memory),
            pinner,
            element,
            shape,
        }
    }

    fn memory(&self) -> &zenoh_pinned::DeviceBuffer {
        &self.memory
    }

    fn ordinal(&self) -> i32 {
        self.memory().ordinal() as i32
    }

    fn memory_at(&self, address: u64, device: (i32, i32)) -> Memory<'_> {
        Memory {
            address,
            device,
            element: self.element,
            shape: &self.shape,
            access: Access::Shared,
        }
    }

    /// What DLPack's `dl_device` asks for where it is the CPU: a copy in ordinary memory, which has been made.
    fn shown_on_the_host(
        &self,
        py: Python<'_>,
        stream: Option<i64>,
        max_version: Option<(u32, u32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        if stream.is_some() {
            return Err(PyValueError::new_err(
                "an array in host memory has no stream: leave stream or dl_device out",
            ));
        }
        if copy == Some(false) {
            return Err(PyBufferError::new_err(
                "a device buffer comes to the host by a copy only: leave copy=False out",
            ));
        }
        let bytes = self.bytes_on_the_host(py)?;
        dlpack::capsule_of_copy(py, &bytes, &self.memory_at(0, dlpack::CPU), max_version)
    }

    fn bytes_on_the_host(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let mut bytes = vec![0; self.memory().len()];
        py.detach(|| self.memory().copy_to_host(&mut bytes))
            .map_err(errors::copy)?;
        Ok(bytes)
    }

    fn lend_to(&self, py: Python<'_>, handle: u64) -> PyResult<()> {
        let Some(stream) = stream::of_handle(&self.pinner, handle) else {
            return Ok(());
        };
        // Beside a capture it waits for the copy.
        py.detach(|| self.memory().lend_to(&stream))
            .map_err(errors::copy)
    }
}

#[pymethods]
impl DeviceBuffer {
    /// The device address of the first byte.
    #[getter]
    fn address(&self) -> u64 {
        self.memory().address()
    }

    /// The size in bytes.
    #[getter]
    fn nbytes(&self) -> usize {
        self.memory().len()
    }

    /// The sizes of the dimensions, in elements, in row-major order.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// The type of the elements, as NumPy names it.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.element.name
    }

    /// The device, for instance ``"cuda:0"``.
    #[getter]
    fn device(&self) -> String {
        format!("cuda:{}", self.memory().ordinal())
    }

    /// The way that the bytes took: ``"direct"``, ``"staged"`` or ``"pageable"``.
    #[getter]
    fn path(&self) -> String {
        self.memory().path().to_string()
    }

    /// Why the way was not the direct one; `None` where it was.
    #[getter]
    fn reason(&self) -> Option<Reason> {
        self.memory().reason().cloned().map(Reason::of)
    }

    /// Wait until the bytes are there. Libraries that import the buffer need no such call.
    ///
    /// Raise `CudaError` where the driver fails.
    fn synchronize(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.memory().synchronize())
            .map_err(errors::copy)
    }

    /// Copy the bytes back into an array of the same shape and type, mostly to look at.
    ///
    /// Raise `CudaError` where the driver fails, and ``ImportError`` for a ``bfloat16`` or ``float8`` type where the
    /// package ``ml_dtypes`` is not installed.
    fn to_host<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes = PyByteArray::new(py, &self.bytes_on_the_host(py)?);
        let numpy = py.import("numpy")?;
        let dtype = self.element.dtype(py)?;
        let array = numpy.call_method1("frombuffer", (bytes, dtype))?;
        array.call_method1("reshape", (PyTuple::new(py, &self.shape)?,))
    }

    #[pyo3(signature = (*, stream = None, max_version = None, dl_device = None, copy = None))]
    fn __dlpack__(
        &self,
        py: Python<'_>,
        stream: Option<i64>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let device = dlpack::cuda(self.ordinal());
        if dl_device == Some(dlpack::CPU) {
            return self.shown_on_the_host(py, stream, max_version, copy);
        }
        if dl_device.is_some_and(|asked| asked != device) || copy == Some(true) {
            return Err(PyBufferError::new_err(
                "a device buffer is shown where it is, without a copy, or copied to the host (dl_device=(1, 0)): copy \
                 it after importing it",
            ));
        }
        match stream {
            // Not ordered by the consumer; ordered here against the default stream when it is freed.
            None | Some(NO_ORDER) => self.lend_to(py, 0)?,
            Some(handle) => self.lend_to(
                py,
                u64::try_from(handle).map_err(|_| {
                    PyValueError::new_err(format!(
                        "{handle} is no stream (DLPack: -1, 1, 2 or a handle)"
                    ))
                })?,
            )?,
        }
        let memory = self.memory_at(self.memory().address(), device);
        dlpack::capsule(py, &memory, max_version, Box::new(self.memory.clone()))
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        dlpack::cuda(self.ordinal())
    }

    #[getter]
    fn __cuda_array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.element.in_numpy(PyAttributeError::new_err)?;
        self.lend_to(py, 0)?;
        let address = self.memory().address();
        let interface = array_interface::of(py, self.element, &self.shape, address, false)?;
        interface.set_item("strides", py.None())?;
        // The default stream has been made to wait for the bytes.
        interface.set_item("stream", 1)?;
        Ok(interface)
    }

    fn __repr__(&self) -> String {
        format!(
            "<DeviceBuffer {} {} on cuda:{}, {}>",
            self.element.name,
            tuple(&self.shape),
            self.memory().ordinal(),
            self.memory().path()
        )
    }
}
