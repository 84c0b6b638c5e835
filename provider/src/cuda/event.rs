//! Events of this library: recorded behind a copy, asked about from a background thread.
//!
//! cudarc's own event type reports errors that other calls have left in the context, whoever asks next;
//! for a hold that would look like a failed copy. This one tells only what the driver says about the call.

use std::{mem::ManuallyDrop, sync::Arc};

use cudarc::driver::{CudaContext, CudaStream, DriverError, result, sys};

use super::{bind, loss_of, note};
use crate::os;

/// A recorded event; destroyed through the exit gate only.
#[derive(Debug)]
pub(crate) struct Event {
    event: sys::CUevent,
    context: ManuallyDrop<Arc<CudaContext>>,
}

// SAFETY: the driver allows an event to be used from any thread.
unsafe impl Send for Event {}

impl Event {
    /// Records an event behind everything that is enqueued on `stream` so far.
    pub(crate) fn record(stream: &CudaStream) -> Result<Self, DriverError> {
        let context = stream.context();
        bind(context)?;
        let event = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)?;
        let event = Self {
            event,
            context: ManuallyDrop::new(context.clone()),
        };
        // SAFETY: event and stream are alive and of one context.
        unsafe { result::event::record(event.event, stream.cu_stream()) }?;
        Ok(event)
    }

    /// Whether the event has been reached, without waiting.
    ///
    /// # Errors
    /// The driver's error: the context is lost, and it is unknown what the device still reads.
    pub(crate) fn is_complete(&self) -> Result<bool, DriverError> {
        // One of many events has told already.
        if loss_of(&self.context).is_some() {
            return Err(DriverError(
                sys::cudaError_enum::CUDA_ERROR_CONTEXT_IS_DESTROYED,
            ));
        }
        // SAFETY: the event is alive, as it is destroyed by `drop` only.
        match unsafe { result::event::query(self.event) } {
            Ok(()) => Ok(true),
            Err(DriverError(sys::cudaError_enum::CUDA_ERROR_NOT_READY)) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Makes what is enqueued on `stream` from now on wait for the event.
    pub(crate) fn is_awaited_by(&self, stream: &CudaStream) -> Result<(), DriverError> {
        bind(stream.context())?;
        // SAFETY: both are alive; the driver keeps what the wait needs when the event is destroyed.
        unsafe {
            result::stream::wait_event(
                stream.cu_stream(),
                self.event,
                sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT,
            )
        }
    }

    /// Waits until the event has been reached.
    pub(crate) fn synchronize(&self) -> Result<(), DriverError> {
        let waited = bind(&self.context).and_then(|()| {
            // SAFETY: the event is alive, as it is destroyed by `drop` only.
            unsafe { result::event::synchronize(self.event) }
        });
        waited.map_err(|error| self.failed(error))
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// Notes an error. A handle of ours that is none any more was taken away with its context.
    fn failed(&self, error: DriverError) -> DriverError {
        let error = match error.0 {
            sys::cudaError_enum::CUDA_ERROR_INVALID_HANDLE => {
                DriverError(sys::cudaError_enum::CUDA_ERROR_CONTEXT_IS_DESTROYED)
            }
            _ => error,
        };
        note(&self.context, error);
        error
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        let is_stale = loss_of(&self.context).is_some_and(|loss| loss.is_destroyed);
        if !is_stale && bind(&self.context).is_ok() {
            // SAFETY: created by `record`, destroyed once, here. The driver keeps what a pending record
            // needs.
            let _ = unsafe { result::event::destroy(self.event) };
        }
        // SAFETY: dropped once, here, and never used again.
        unsafe { ManuallyDrop::drop(&mut self.context) };
    }
}
