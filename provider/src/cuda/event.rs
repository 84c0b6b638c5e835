//! Events of this library: recorded behind a copy, asked about from a background thread.

use std::{ffi::c_uint, mem::ManuallyDrop, sync::Arc};

use cudarc::driver::{CudaContext, CudaStream, sys::CUevent};

use super::{DriverError, Visit, entries::entries, error::check, loss_of, visit::bind};
use crate::os;

const DISABLE_TIMING: c_uint = 2;

/// An event; destroyed through the exit gate only.
#[derive(Debug)]
pub(crate) struct Event {
    event: CUevent,
    context: ManuallyDrop<Arc<CudaContext>>,
}

// SAFETY: the driver allows an event to be used from any thread.
unsafe impl Send for Event {}
// SAFETY: as above, also by several at once.
unsafe impl Sync for Event {}

impl Event {
    /// An event that counts as reached until it is recorded.
    pub(super) fn new(context: &Arc<CudaContext>) -> Result<Self, DriverError> {
        let entries = bind(context)?;
        let mut event = std::ptr::null_mut();
        // SAFETY: the place is this function's own.
        check(unsafe { (entries.event_create)(&raw mut event, DISABLE_TIMING) })?;
        Ok(Self {
            event,
            context: ManuallyDrop::new(context.clone()),
        })
    }

    /// Records an event behind everything that is enqueued on `stream` so far. Not on a stream that is captured.
    pub(crate) fn record(stream: &CudaStream) -> Result<Self, DriverError> {
        let event = Self::new(stream.context())?;
        let entries = entries()?;
        // SAFETY: event and stream are alive and of one context.
        check(unsafe { (entries.event_record)(event.event, stream.cu_stream()) })?;
        Ok(event)
    }

    /// Whether the event has been reached, without waiting.
    ///
    /// # Errors
    /// It cannot be told any more: the context is lost, or the driver does not answer for this event.
    pub(crate) fn is_complete(&self) -> Result<bool, DriverError> {
        // One of many events has told already.
        if loss_of(&self.context).is_some() {
            return Err(DriverError::CONTEXT_DESTROYED);
        }
        match self.query() {
            Ok(()) => Ok(true),
            Err(DriverError::NOT_READY) => Ok(false),
            // Somebody captures a stream; the event is asked about again later.
            Err(error) if error.is_of_capture() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the driver answers, without any consequence.
    pub(super) fn query(&self) -> Result<(), DriverError> {
        // The driver was seen to answer without a context too; its documentation promises nothing.
        let entries = bind(&self.context)?;
        // SAFETY: the event is alive, as it is destroyed by `drop` only.
        check(unsafe { (entries.event_query)(self.event) })
    }

    /// Makes what is enqueued on `stream` from now on wait for the event. Not for a stream that is captured.
    pub(crate) fn is_awaited_by(&self, stream: &CudaStream) -> Result<(), DriverError> {
        let entries = bind(stream.context())?;
        // SAFETY: both are alive; the driver keeps what the wait needs when the event is destroyed.
        check(unsafe { (entries.stream_wait)(stream.cu_stream(), self.event, 0) })
    }

    /// Waits until the event has been reached.
    pub(crate) fn synchronize(&self) -> Result<(), DriverError> {
        let entries = bind(&self.context)?;
        // SAFETY: the event is alive, as it is destroyed by `drop` only.
        check(unsafe { (entries.event_synchronize)(self.event) })
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        let _visit = Visit::begin();
        let is_stale = loss_of(&self.context).is_some_and(|loss| loss.is_destroyed);
        if !is_stale && let Ok(entries) = bind(&self.context) {
            // SAFETY: created by `new`, destroyed once, here. The driver keeps what a pending record needs.
            let _ = unsafe { (entries.event_destroy)(self.event) };
        }
        // SAFETY: dropped once, here, and never used again.
        unsafe { ManuallyDrop::drop(&mut self.context) };
    }
}
