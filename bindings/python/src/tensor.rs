//! Arrays and tensors of other libraries as frames in shared memory: where they lie already, or copied once into a slot.
//!
//! The class is the package's, `zenoh_pinned.Tensor`, a subclass of `Frame`.
//!
//! Invariant: type, shape and steps are known, and found to be some memory's, before a slot is asked for and before a byte is
//! read. Every element is copied at most once.
//!
//! Knowingly weak: that elements lie in shared memory is told by their address, so an array that its owner goes on writing
//! is taken as it lies too. It is copied when it is sent, as only a frame's own buffer goes out as it is.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyMemoryView,
};
use zenoh_pinned::PinnedPool;

use crate::{
    element::Element,
    errors::{self, NotInSharedMemory},
    frame::Frame,
    numpy, pinners,
    pool::Pool,
    signals,
    slot::Shown,
    target::{Target, Wish},
    view::{
        imported::Imported,
        strided::Strided,
        tensor::{self, DeviceTensor},
    },
};

/// What has to be copied.
enum Source {
    Elements(Strided),
    /// Elements that were looked at, in case they lay in shared memory.
    Frame(zenoh_pinned::Frame),
}

impl Source {
    fn bytes(&self) -> usize {
        match self {
            Self::Elements(elements) => elements.bytes(),
            Self::Frame(frame) => frame.len(),
        }
    }

    fn copy_to(&self, destination: &mut [u8]) {
        match self {
            Self::Elements(elements) => elements.copy_to(destination),
            Self::Frame(frame) => destination.copy_from_slice(frame),
        }
    }
}

/// The elements of an array, a buffer or a DLPack tensor as a frame in shared memory.
#[pyfunction]
#[pyo3(signature = (object, pool, zero_copy))]
pub(crate) fn tensor_frame(
    object: &Bound<'_, PyAny>,
    pool: Option<&Pool>,
    zero_copy: Option<bool>,
) -> PyResult<Py<PyAny>> {
    let py = object.py();
    let target = py.detach(|| pinners::target_of(Wish::Any));
    if let Some(ordinal) = tensor::cuda_device(object)? {
        if zero_copy == Some(true) {
            let place = format!("on the device cuda:{ordinal}");
            return Err(elsewhere(&place, pool));
        }
        return of_device(object, ordinal, pool_of(pool)?, target)?.into_object(py);
    }
    let elements = Strided::imported(object)?;
    let (element, shape) = (elements.element(), elements.shape().to_vec());
    // No elements lie nowhere.
    let may_lie_there = zero_copy != Some(false) || elements.bytes() == 0;
    let source = match Imported::in_one_run(elements) {
        Ok(imported) if may_lie_there => {
            if let Some(frame) = lent(object, &imported, target)? {
                return frame.into_object(py);
            }
            let frame = py
                .detach(|| zenoh_pinned::Frame::from_owner(imported, &pinners::get(target)))
                .map_err(errors::frame)?;
            if frame.is_shared() || frame.is_empty() {
                return Frame::shared(frame.into(), target, element, shape).into_object(py);
            }
            Source::Frame(frame)
        }
        Ok(imported) => Source::Elements(imported.into()),
        Err(elements) => Source::Elements(elements),
    };
    if zero_copy == Some(true) {
        return Err(match source {
            Source::Frame(_) => elsewhere(&place_of(object)?, pool),
            Source::Elements(_) => PyValueError::new_err(
                "the elements are not in one run in row-major order: zero_copy=False copies them once, into a slot of \
                 pool=",
            ),
        });
    }
    let pool = match (pool, zero_copy) {
        (None, None) if matches!(source, Source::Frame(_)) => {
            return Err(elsewhere(&place_of(object)?, pool));
        }
        _ => pool_of(pool)?,
    };
    copied(py, &source, pool, target)
        .map(|frame| Frame::shared(frame.into(), target, element, shape))?
        .into_object(py)
}

fn copied(
    py: Python<'_>,
    source: &Source,
    pool: &PinnedPool,
    target: Target,
) -> PyResult<zenoh_pinned::Frame> {
    signals::interruptible(py, || {
        let mut slot = pool.alloc(source.bytes()).map_err(errors::alloc)?;
        source.copy_to(&mut slot);
        received(slot, target)
    })?
}

/// A slot that was written, as a frame. Detach the interpreter first.
fn received(slot: zenoh_pinned::Slot, target: Target) -> PyResult<zenoh_pinned::Frame> {
    let frame = zenoh_pinned::Frame::from_payload(&slot.into_shm(), &pinners::get(target));
    frame.map_err(errors::frame)
}

/// A tensor on a device, copied into a slot when what was enqueued for it before has executed.
fn of_device(
    object: &Bound<'_, PyAny>,
    ordinal: usize,
    pool: &PinnedPool,
    target: Target,
) -> PyResult<Frame> {
    let py = object.py();
    let (pinner, stream) = py.detach(|| pinners::with_stream(Target::Cuda(ordinal)))?;
    let tensor = DeviceTensor::of(object, ordinal, stream.cu_stream() as u64)?;
    let (address, bytes) = (tensor.address, tensor.bytes);
    let (element, shape): (&'static Element, _) = (tensor.element, tensor.shape.clone());
    let slot = signals::interruptible(py, || pool.alloc(bytes))?.map_err(errors::alloc)?;
    let slot = py.detach(|| {
        // SAFETY: the tensor's library says that so many bytes are there, and has been told which stream reads them;
        // `tensor` keeps them until the copy has executed.
        let copying = unsafe { slot.copy_from_address(address, bytes, &stream, &pinner) };
        copying.and_then(|copying| copying.wait())
    });
    let slot = match slot {
        Ok(slot) => slot,
        Err(error) => {
            // Nobody knows whether the copy still reads it.
            std::mem::forget(tensor);
            return Err(errors::copy(error));
        }
    };
    let frame = py.detach(|| received(slot, target))?;
    Ok(Frame::shared(frame.into(), target, element, shape))
}

/// The elements of a frame of ours, or of a slot that was published, as a part of that: it can be sent as it lies.
fn lent(object: &Bound<'_, PyAny>, imported: &Imported, target: Target) -> PyResult<Option<Frame>> {
    let py = object.py();
    let owner = owner(object)?;
    let whole = if let Ok(frame) = owner.cast::<Frame>() {
        frame
            .get()
            .part(0..frame.get().bytes().len(), imported.element(), Vec::new())
    } else if let Ok(shown) = owner.cast::<Shown>()
        && let Some(payload) = shown.get().slot().sent()
    {
        let frame =
            py.detach(|| zenoh_pinned::Frame::from_payload(&payload, &pinners::get(target)));
        let frame = frame.map_err(errors::frame)?;
        Some(Frame::shared(
            frame.into(),
            target,
            imported.element(),
            Vec::new(),
        ))
    } else {
        None
    };
    let Some(whole) = whole.filter(Frame::lies_in_shared_memory) else {
        return Ok(None);
    };
    let bytes = imported.as_ref();
    let start = (bytes.as_ptr() as usize).checked_sub(whole.bytes().as_ptr() as usize);
    let end = start.and_then(|start| start.checked_add(bytes.len()));
    let (Some(start), Some(end)) = (start, end) else {
        return Ok(None);
    };
    Ok(whole.part(start..end, imported.element(), imported.shape().to_vec()))
}

/// What keeps the memory that an array shows: itself, where it is its own.
fn owner<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let ndarray = numpy::ndarray(object.py())?;
    let mut owner = object.clone();
    loop {
        let below = if owner.is_instance(ndarray)? {
            owner.getattr("base")?
        } else if let Ok(view) = owner.cast::<PyMemoryView>() {
            view.getattr("obj")?
        } else {
            return Ok(owner);
        };
        if below.is_none() {
            return Ok(owner);
        }
        owner = below;
    }
}

fn place_of(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = owner(object)?.get_type().fully_qualified_name()?;
    Ok(format!("in memory of a {class}"))
}

fn elsewhere(place: &str, pool: Option<&Pool>) -> PyErr {
    let copy = match pool {
        Some(_) => "zero_copy=False copies them once into a slot of the pool",
        None => {
            "give a pool=, and with zero_copy=False or None they are copied once into a slot of it"
        }
    };
    NotInSharedMemory::new_err(format!(
        "the elements lie {place}, in no slot of shared memory: {copy}"
    ))
}

fn pool_of(pool: Option<&Pool>) -> PyResult<&PinnedPool> {
    pool.map(Pool::pool).ok_or_else(|| {
        PyTypeError::new_err(
            "the elements have to be copied, and that needs a slot: give the pool= that it is to be of",
        )
    })
}
