//! From the device down into a pool slot, for producers whose frames are made on a GPU.

use std::{mem::ManuallyDrop, ptr::NonNull, sync::Arc};

use cudarc::driver::{CudaEvent, CudaStream, DevicePtr, DeviceSlice};

use super::{CopyError, in_flight::Hold};
use crate::{cuda, os, pinner::Pinner, pool::Slot};

/// A slot that a device is writing. [`CopyBack::wait`] gives it back; dropped without, the slot returns
/// to its pool when the copy has executed, unsent.
#[derive(Debug)]
pub struct CopyBack {
    // `None` only while `wait` or `drop` takes it apart.
    copying: Option<(Slot, CudaEvent)>,
    stream: Arc<CudaStream>,
    pinner: Pinner,
}

impl Slot {
    /// Enqueues a copy of device memory into the slot.
    ///
    /// This is what makes a producer register: the slot's segment is registered in this process, in the
    /// background, from the first call on; until then, and where that is not possible, the driver copies
    /// with the calling thread waiting ([`Pinner::register_pool`] beforehand avoids that).
    ///
    /// # Errors
    /// [`CopyError`]; the slot has then gone back to its pool once no copy can write it any more.
    pub fn copy_from_device<Source: DevicePtr<u8> + DeviceSlice<u8>>(
        mut self,
        source: &Source,
        stream: &Arc<CudaStream>,
        pinner: &Pinner,
    ) -> Result<CopyBack, CopyError> {
        if let Some(reason) = pinner.reason() {
            return Err(CopyError::NoDevice {
                reason: reason.clone(),
            });
        }
        if source.len() != self.len() {
            return Err(CopyError::Length {
                source_bytes: source.len(),
                destination_bytes: self.len(),
            });
        }
        if let Some(segment) = self.segment() {
            pinner.segment_attached(segment);
        }
        let bytes = self.len();
        let destination = NonNull::from(&mut self[..]).cast();
        // SAFETY: the slot is this call's own and has as many bytes as the source; it goes into the
        // returned value or the in-flight list, so nobody else touches it until the copy has executed.
        let enqueued = unsafe { cuda::enqueue_from_device(stream, source, bytes, destination) };
        let recorded = enqueued
            .map_err(|error| CopyError::driver("cuMemcpyDtoHAsync", error))
            .and_then(|()| {
                let event = stream.record_event(None);
                event.map_err(|error| CopyError::driver("cuEventRecord", error))
            });
        match recorded {
            Ok(event) => Ok(CopyBack {
                copying: Some((self, event)),
                stream: stream.clone(),
                pinner: pinner.clone(),
            }),
            Err(error) => {
                let hold: Hold = Box::new(self);
                let _ = pinner
                    .in_flight()
                    .keep_until_idle(stream, ManuallyDrop::new(hold));
                Err(error)
            }
        }
    }
}

impl CopyBack {
    /// Waits for the copy and gives the slot back, ready to be published.
    ///
    /// # Errors
    /// [`CopyError::Driver`] where the context has failed: the slot is then held until the process ends.
    pub fn wait(mut self) -> Result<Slot, CopyError> {
        let Some((slot, event)) = self.copying.take() else {
            // Only `drop` takes the slot as well, and it does not run before this returns.
            return Err(CopyError::driver(
                "cuEventSynchronize",
                cudarc::driver::DriverError(
                    cudarc::driver::sys::cudaError_enum::CUDA_ERROR_INVALID_HANDLE,
                ),
            ));
        };
        match event.synchronize() {
            Ok(()) => Ok(slot),
            Err(error) => {
                let hold: Hold = Box::new(slot);
                let _ = self
                    .pinner
                    .in_flight()
                    .keep_until_idle(&self.stream, ManuallyDrop::new(hold));
                Err(CopyError::driver("cuEventSynchronize", error))
            }
        }
    }
}

impl Drop for CopyBack {
    fn drop(&mut self) {
        let Some((slot, event)) = self.copying.take() else {
            return;
        };
        match os::exit::enter_driver() {
            Some(_gate) => self.pinner.in_flight().watch_event(event, Box::new(slot)),
            None => std::mem::forget((slot, event)),
        }
    }
}
