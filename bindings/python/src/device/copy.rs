//! Frames of anything, and their copies to a device.

use std::sync::Arc;

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh_pinned::{Pinner, cudarc::driver::CudaStream};

use super::{buffer::DeviceBuffer, destination::Destination, source::Source, stream};
use crate::{
    element::Element,
    errors,
    frame::Frame,
    pinners,
    sizes::Sizes,
    target::{Target, Wish},
    words,
};

/// Return a frame of `object`, without a copy; the frame keeps what it shows.
///
/// `object` is a received frame, an Arrow array such as a dora ``event["value"]``, or anything with a buffer or a
/// DLPack tensor on the host. `device` is where the frame would be copied: ``"cuda:0"``, a number, ``"cpu"``, or
/// ``"auto"``; by default the device that this process copies to already.
///
/// Raise ``TypeError`` for what is not one run of numbers, ``ValueError`` for an array that is not contiguous, and
/// `FrameRefused` for bytes that are not where they seem to be.
///
///     >>> import numpy, zenoh_pinned
///     >>> frame = zenoh_pinned.frame(numpy.zeros((2, 3), "float32"))
///     >>> frame.shape, frame.dtype, frame.is_shared
///     ((2, 3), 'float32', False)
#[pyfunction]
#[pyo3(signature = (object, device = None))]
pub(crate) fn frame(
    object: &Bound<'_, PyAny>,
    device: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = object.py();
    let wish = Wish::of(device)?;
    let target = py.detach(|| pinners::target_of(wish));
    if wish == Wish::Any && object.cast::<Frame>().is_ok() {
        return Ok(object.clone().unbind());
    }
    let source = Source::of(object, target)?;
    Frame::shared(source.frame, target, source.element, source.shape).into_object(py)
}

/// Copy `object` to a device and return the array there at once, while the copy goes on.
///
/// `object` is what `frame` takes. A frame or a dora value may be deleted at once: its slot is held until the copy
/// has been made. Other memory of yours must stay as it is until then.
///
/// `device` is ``"cuda:0"``, a number, or ``"auto"``, the default: CUDA device 0 where there is one, and otherwise
/// the frame itself comes back, on the host. `stream` is what the copy is enqueued on: a handle, or a stream of
/// torch, CuPy or cuda.core. By default it is one of this library's own, and whoever imports the buffer is ordered
/// behind it. `shape` and `dtype` are how the bytes are to be read where not as `object` has them, for instance
/// ``shape=event["metadata"]["shape"]``.
///
/// Raise `NoDevice` where there is no such device, ``MemoryError`` where it has no memory left, ``ValueError`` for an
/// empty array or a shape that does not fit, and `CudaError` where the driver fails.
///
///     >>> import numpy, zenoh_pinned
///     >>> image = zenoh_pinned.to_device(numpy.arange(6, dtype="uint8"), shape=(2, 3))
///     >>> image.shape
///     (2, 3)
#[pyfunction]
#[pyo3(signature = (object, device = None, stream = None, *, shape = None, dtype = None))]
pub(crate) fn to_device(
    object: &Bound<'_, PyAny>,
    device: Option<&Bound<'_, PyAny>>,
    stream: Option<Bound<'_, PyAny>>,
    shape: Option<Sizes>,
    dtype: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = object.py();
    let wish = match Wish::of(device)? {
        Wish::Any => Wish::Auto,
        wish => wish,
    };
    let target = py.detach(|| pinners::target_of(wish));
    let source = Source::of(object, target)?;
    let element = dtype.map_or(Ok(source.element), Element::of_dtype)?;
    let bytes = source.frame.len();
    let shape = match (shape, dtype) {
        (Some(shape), _) => element.sizes_of(shape.asked(), bytes)?,
        (None, None) => source.shape.clone(),
        (None, Some(_)) => element.sizes_of(&[-1], bytes)?,
    };
    let stays = target == Target::Host || (wish == Wish::Auto && is_missing(py, target));
    if stays {
        return Frame::shared(source.frame, target, element, shape).into_object(py);
    }
    let handle = stream.as_ref().map(stream::handle).transpose()?;
    let copied = py.detach(|| {
        let (pinner, stream) = stream_of(target, handle)?;
        let memory = source.frame.copy_to_device_buffer(&stream);
        let memory = memory.map_err(errors::copy)?;
        if handle.is_some() {
            // It is its owner's, who may destroy it at any time.
            memory.leave_stream().map_err(errors::copy)?;
        }
        Ok::<_, PyErr>((memory, pinner))
    });
    let (memory, pinner) = copied?;
    let buffer = DeviceBuffer::new(memory, pinner, (element, shape));
    Ok(Py::new(py, buffer)?.into_any())
}

/// Copy `object` into an array that exists on a device, and return while the copy goes on.
///
/// `destination`, such as a tensor of torch or CuPy, has ``__cuda_array_interface__``, as many bytes as `object`, and
/// contiguous elements. `stream` is what the copy is enqueued on, behind what is there: by default the stream that
/// the array says it is used on, or else the default stream. `object` and the errors are as with `to_device`.
///
///     >>> import zenoh_pinned
///     >>> image = zenoh_pinned.to_device(bytes(7), "cuda:0")
///     >>> zenoh_pinned.copy_into(image, b"a frame")
#[pyfunction]
#[pyo3(signature = (destination, object, stream = None))]
pub(crate) fn copy_into(
    destination: &Bound<'_, PyAny>,
    object: &Bound<'_, PyAny>,
    stream: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = object.py();
    let destination = Destination::of(destination)?;
    let handle = stream.map(stream::handle).transpose()?;
    let handle = handle.or(destination.stream).unwrap_or(0);
    let target = Target::Cuda(destination.ordinal);
    let source = Source::of(object, target)?;
    py.detach(|| {
        let (_, stream) = stream_of(target, Some(handle))?;
        // SAFETY: the array says that so many bytes of device memory are its own, to be written, and whoever
        // gives a stream says that it is the one that the array is used on.
        let copied = unsafe {
            source
                .frame
                .copy_to_address(destination.address, destination.bytes, &stream)
        };
        copied.map_err(errors::copy)
    })
}

/// Open a device before frames go there, so that the first segments are registered as they are attached.
///
/// `max_bytes` is the most memory, in bytes, that is ever registered with it, 1 GiB by default. Frames that are not
/// in registered memory go through `staging_slots` slots of `staging_bytes` bytes, three of 8 MiB by default, which
/// grow. Return the device's name, or `None` for ``"cpu"``.
///
/// Raise `NoDevice` where there is no such device, and ``ValueError`` where it is in use already.
///
///     >>> import zenoh_pinned
///     >>> name = zenoh_pinned.open_device("cuda:1", max_bytes=256 << 20)
#[pyfunction]
#[pyo3(signature = (device, *, max_bytes = None, staging_slots = None, staging_bytes = None))]
pub(crate) fn open_device(
    device: &Bound<'_, PyAny>,
    max_bytes: Option<u64>,
    staging_slots: Option<usize>,
    staging_bytes: Option<usize>,
) -> PyResult<Option<String>> {
    let wish = Wish::of(Some(device))?;
    device.py().detach(|| {
        let Wish::Exactly(target) = wish else {
            return Err(PyValueError::new_err(
                "open_device() needs one device: 'cuda:0' or a number",
            ));
        };
        let pinner: Pinner = pinners::open_with(target, |mut builder| {
            if let Some(bytes) = max_bytes {
                builder = builder.max_bytes(bytes);
            }
            builder.staging(staging_slots.unwrap_or(3), staging_bytes.unwrap_or(8 << 20))
        })?;
        match (target, pinner.reason()) {
            (Target::Cuda(_), Some(reason)) => Err(errors::NoDevice::new_err(words::in_python(
                &reason.to_string(),
            ))),
            _ => Ok(pinner.device_name()),
        }
    })
}

fn is_missing(py: Python<'_>, target: Target) -> bool {
    py.detach(|| pinners::get(target).reason().is_some())
}

fn stream_of(target: Target, handle: Option<u64>) -> PyResult<(Pinner, Arc<CudaStream>)> {
    let (pinner, own) = pinners::with_stream(target)?;
    let named = handle.and_then(|handle| stream::of_handle(&pinner, handle));
    Ok((pinner, named.unwrap_or(own)))
}
