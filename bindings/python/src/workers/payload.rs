//! What requests and answers carry, in both directions.
//!
//! Invariant: memory that Python may write is copied before anybody else is told of it, once, and detached from the
//! interpreter where it is long.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyString},
};
use zenoh_pinned_workers::{BatchRequest, Payload as Bytes, RequestError};

use super::errors;
use crate::{
    errors as errors_of_memory,
    frame::{Beside, Frame, class::FrameHandle},
    pinners,
    process::MadeIn,
    slot::{Keeper, Slot},
    target::Target,
    view::imported::Imported,
};

/// Bytes up to here travel in the message; longer ones are laid into a slot.
const SHORT_BYTES: usize = 4096;

/// A slot that was written, or a copy of what was written into one: as often as it is wanted.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "WorkersPayload")]
pub(crate) struct Payload {
    payload: Option<Bytes>,
    made_in: MadeIn,
}

impl Payload {
    fn new(payload: Bytes) -> Self {
        Self {
            payload: Some(payload),
            made_in: MadeIn::this_process(),
        }
    }

    /// The payload of a slot that nobody writes any more. Views of it keep it.
    ///
    /// # Errors
    /// As [`Slot::take_of_pool`].
    pub(super) fn of_slot(slot: &Slot) -> PyResult<Self> {
        let payload = Bytes::from(slot.take_of_pool()?);
        slot.keep_for_views(Keeper::Payload(payload.clone()));
        Ok(Self::new(payload))
    }

    /// The first `bytes` bytes of a slot for an answer, that nobody writes any more. Views keep the whole slot.
    ///
    /// # Errors
    /// As [`Slot::take_of_answer`].
    pub(super) fn of_answer_slot(slot: &Slot, bytes: usize) -> PyResult<Self> {
        let (payload, whole) = slot.take_of_answer()?.written_and_whole(bytes);
        slot.keep_for_views(Keeper::Payload(whole));
        Ok(Self::new(payload))
    }

    /// A copy of an array's bytes.
    pub(super) fn of_copy(
        array: &Bound<'_, PyAny>,
        alloc: impl Fn(usize) -> Result<zenoh_pinned::Slot, RequestError> + Send,
    ) -> PyResult<Self> {
        let copied = Prepared::of(array)?;
        let payload = crate::signals::interruptible(array.py(), || copied.into_payload(alloc))?;
        payload
            .map(Self::new)
            .map_err(|error| errors::request(&error))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.made_in.drop_here(self.payload.take());
    }
}

/// What a caller gave, before it is copied where it has to be.
pub(super) enum Prepared {
    Ready(Bytes),
    Copy(Imported),
}

impl Prepared {
    /// Bytes, text, a slot of workers that was written, a frame, or whatever has elements in host memory.
    ///
    /// # Errors
    /// As [`Imported::of`]; `RuntimeError` in a forked child.
    pub(super) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>()
            && bytes.as_bytes().len() <= SHORT_BYTES
        {
            return Ok(Self::Ready(bytes.as_bytes().into()));
        }
        if let Ok(text) = object.cast::<PyString>() {
            let text = text.to_cow()?;
            return Ok(Self::Ready(Bytes::from(&*text)));
        }
        if let Ok(payload) = object.cast::<Payload>() {
            let payload = payload.get();
            payload.made_in.check()?;
            return Ok(Self::Ready(payload.payload.clone().unwrap_or_else(empty)));
        }
        if let Ok(frame) = object.cast::<Frame>()
            && frame.get().lies_in_shared_memory()
        {
            return Ok(Self::Ready(frame.get().for_host()?.into()));
        }
        let imported = Imported::of(object)?;
        if imported.as_ref().len() <= SHORT_BYTES {
            return Ok(Self::Ready(imported.as_ref().into()));
        }
        Ok(Self::Copy(imported))
    }

    /// The payload, copied into a slot where it has to be. Detach the interpreter first.
    pub(super) fn into_payload(
        self,
        alloc: impl Fn(usize) -> Result<zenoh_pinned::Slot, RequestError>,
    ) -> Result<Bytes, RequestError> {
        match self {
            Self::Ready(payload) => Ok(payload),
            Self::Copy(imported) => {
                let bytes = imported.as_ref();
                let mut slot = alloc(bytes.len())?;
                slot.copy_from_slice(bytes);
                Ok(slot.into())
            }
        }
    }

    /// The same for the answer to `request`, whose own slot is the first choice.
    pub(super) fn into_answer(
        self,
        request: Option<&BatchRequest>,
        alloc: impl Fn(usize) -> Result<zenoh_pinned::Slot, RequestError>,
    ) -> Result<Bytes, RequestError> {
        let provided = match &self {
            Self::Copy(_) => request.and_then(BatchRequest::answer_slot),
            Self::Ready(_) => None,
        };
        match (self, provided) {
            (Self::Copy(imported), Some(mut slot))
                if slot.is_shared() && imported.as_ref().len() <= slot.len() =>
            {
                let bytes = imported.as_ref();
                slot[..bytes.len()].copy_from_slice(bytes);
                Ok(slot.written(bytes.len()))
            }
            (prepared, _) => prepared.into_payload(alloc),
        }
    }
}

fn empty() -> Bytes {
    Bytes::from(Vec::new())
}

/// A payload as a frame of Python's with these bytes beside it, on its way to `target`. Detach the interpreter first.
pub(super) fn frame_of(
    payload: Bytes,
    target: Target,
    attachment: Vec<u8>,
) -> PyResult<FrameHandle> {
    let beside = Beside {
        attachment: Some(attachment),
        ..Beside::default()
    };
    let frame = payload.into_frame(&pinners::get(target));
    let frame = frame.map_err(errors_of_memory::frame)?;
    Ok(FrameHandle::new(Frame::received(frame, target, beside)))
}
