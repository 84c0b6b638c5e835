//! Anything with elements as a frame.

use std::{ptr::NonNull, sync::Arc};

use pyo3::prelude::*;
use zenoh_pinned::FrameError;
use zenoh_pinned_node::dora::FromArrow;

use crate::{
    element::{Element, UINT8},
    errors,
    frame::Frame,
    pinners,
    target::Target,
    view::{arrow_array, imported::Imported},
};

/// Anything with elements, on its way to a target.
pub(super) struct Source {
    pub(super) frame: Arc<zenoh_pinned::Frame>,
    pub(super) element: &'static Element,
    pub(super) shape: Vec<usize>,
}

impl Source {
    /// A frame of ours, an Arrow array (a dora `event["value"]`), a buffer, or a DLPack tensor on the host.
    pub(super) fn of(object: &Bound<'_, PyAny>, target: Target) -> PyResult<Self> {
        let py = object.py();
        if let Ok(frame) = object.cast::<Frame>() {
            let frame = frame.get();
            return Ok(Self {
                element: frame.element(),
                shape: frame.shape_of().to_vec(),
                frame: py.detach(|| frame.on_the_way_to(target))?,
            });
        }
        if let Some(array) = arrow_array::import(object)? {
            let element = Element::of_name(&arrow_name(&array)).unwrap_or(&UINT8);
            let frame =
                py.detach(|| zenoh_pinned::Frame::from_arrow(&array.into(), &pinners::get(target)));
            let frame = frame.map_err(errors::from_arrow)?;
            let frame = match frame.is_shared() {
                true => frame,
                false => Deferred::frame(py, frame, target)?,
            };
            return Ok(Self {
                shape: vec![frame.len() / element.bytes],
                element,
                frame: Arc::new(frame),
            });
        }
        let imported = Imported::of(object)?;
        let (element, shape) = (imported.element(), imported.shape().to_vec());
        let frame: Result<_, FrameError> =
            py.detach(|| zenoh_pinned::Frame::from_owner(imported, &pinners::get(target)));
        Ok(Self {
            frame: Arc::new(frame.map_err(errors::frame)?),
            element,
            shape,
        })
    }
}

/// A frame of memory that is given back to Python where the interpreter is attached.
///
/// Arrow arrays in ordinary memory often belong to Python objects, and their library waits for the interpreter
/// when it gives them up: not on a thread of this library's, which may have to end with the process.
struct Deferred {
    bytes: NonNull<[u8]>,
    _frame: Py<Frame>,
}

// SAFETY: the bytes are only read, and the frame may be sent.
unsafe impl Send for Deferred {}
// SAFETY: as above.
unsafe impl Sync for Deferred {}

impl AsRef<[u8]> for Deferred {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the frame keeps its bytes where and what they are.
        unsafe { self.bytes.as_ref() }
    }
}

impl Deferred {
    fn frame(
        py: Python<'_>,
        frame: zenoh_pinned::Frame,
        target: Target,
    ) -> PyResult<zenoh_pinned::Frame> {
        let bytes = NonNull::from(&frame[..]);
        let frame = Frame::shared(Arc::new(frame), target, &UINT8, Vec::new());
        let deferred = Self {
            bytes,
            _frame: Py::new(py, frame)?,
        };
        let frame = py.detach(|| zenoh_pinned::Frame::from_owner(deferred, &pinners::get(target)));
        frame.map_err(errors::frame)
    }
}

/// The name of an Arrow array's type where NumPy has the same one.
fn arrow_name(array: &arrow::array::ArrayRef) -> String {
    let name = format!("{:?}", array.data_type());
    name.to_lowercase()
}
