//! From the device down into a pool slot, for producers whose frames are made on a GPU.

use std::{ptr::NonNull, sync::Arc};

use cudarc::driver::{CudaStream, DevicePtr, DeviceSlice};

use super::{
    CopyError,
    entering::{enter_driver, refuse_captured},
};
use crate::{
    cuda::{self, DriverError, Event, ForeignMemory, Hold},
    os,
    pinner::Pinner,
    pool::Slot,
    registration::Entry,
};

/// A slot that a device is writing. [`CopyBack::wait`] gives it back; dropped without, the slot returns
/// to its pool when the copy has executed, unsent.
#[derive(Debug)]
pub struct CopyBack {
    // `None` only once `wait` or `drop` has taken it apart.
    copying: Option<Copying>,
    pinner: Pinner,
}

#[derive(Debug)]
struct Copying {
    slot: Slot,
    /// Keeps the slot's memory registered.
    entry: Option<Arc<Entry>>,
    event: Event,
}

impl Slot {
    /// Enqueues a copy of device memory into the slot.
    ///
    /// Producers register because of this call: the slot's segment is registered in this process, in the
    /// background, from the first call on; until then, and where that is not possible, the driver copies
    /// with the calling thread waiting ([`Pinner::register_pool`] beforehand avoids that).
    ///
    /// ```
    /// use zenoh_pinned::{PinnedPool, Pinner, cudarc::driver::CudaSlice};
    ///
    /// # fn produce(image: CudaSlice<u8>, pool: &PinnedPool, pinner: &Pinner) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = pinner.new_stream()?;
    /// let copying = pool.alloc(image.len())?.copy_from_device(&image, &stream, pinner)?;
    /// let payload = copying.wait()?.into_shm(); // for `publisher.put(payload)`
    /// # let _ = payload;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CopyError`]; the slot has then gone back to its pool once no copy can write it any more.
    pub fn copy_from_device<Source: DevicePtr<u8> + DeviceSlice<u8>>(
        mut self,
        source: &Source,
        stream: &Arc<CudaStream>,
        pinner: &Pinner,
    ) -> Result<CopyBack, CopyError> {
        let _gate = pinner.enter(stream)?;
        refuse_captured(
            stream,
            "and a slot is published once: copy behind the graph's launch",
        )?;
        let bytes = self.len();
        CopyError::check_lengths(source.len(), bytes)?;
        if let Some(segment) = self.segment() {
            pinner.segment_attached(segment);
        }
        let unregistered = NonNull::from(&mut self[..]).cast();
        // The segment may be registered by another mapping of it than the slot's own.
        let found = if self.is_shared() {
            pinner.find(unregistered, bytes).ok().flatten()
        } else {
            None
        };
        let registered = found
            .as_ref()
            .and_then(|found| found.registered_address(bytes).ok());
        let entry = found.map(|found| found.entry);
        let destination = registered.unwrap_or(unregistered);
        // SAFETY: the slot is this call's own and has as many bytes as the source, at either address;
        // slot and entry go into the returned value or the in-flight list, so nobody else touches the
        // bytes until the copy has executed.
        let enqueued = unsafe { cuda::enqueue_from_device(stream, source, bytes, destination) };
        let recorded = enqueued
            .map_err(|error| CopyError::driver("cuMemcpyDtoHAsync", error, stream.context()))
            .and_then(|()| {
                let event = Event::record(stream);
                event.map_err(|error| CopyError::driver("cuEventRecord", error, stream.context()))
            });
        match recorded {
            Ok(event) => Ok(CopyBack {
                copying: Some(Copying {
                    slot: self,
                    entry,
                    event,
                }),
                pinner: pinner.clone(),
            }),
            Err(error) => {
                let hold = Hold::of(self, entry);
                let _ = pinner.in_flight().keep_until_idle(stream, hold);
                Err(error)
            }
        }
    }
}

impl Slot {
    /// As [`Slot::copy_from_device`], of device memory of another library.
    ///
    /// # Errors
    /// As [`Slot::copy_from_device`].
    ///
    /// # Safety
    /// `address` is the first of `bytes` bytes of device memory that `stream` may read, and that stay allocated until
    /// the copy has executed; other uses of them are ordered against `stream`.
    pub unsafe fn copy_from_address(
        self,
        address: u64,
        bytes: usize,
        stream: &Arc<CudaStream>,
        pinner: &Pinner,
    ) -> Result<CopyBack, CopyError> {
        let source = ForeignMemory {
            address,
            bytes,
            stream,
        };
        self.copy_from_device(&source, stream, pinner)
    }
}

impl CopyBack {
    /// Waits for the copy and gives the slot back, ready to be published.
    ///
    /// # Errors
    /// [`CopyError::ContextLost`]: the slot is held until the process ends, as the device may still write it.
    /// [`CopyError::Driver`], [`CopyError::Forked`].
    pub fn wait(mut self) -> Result<Slot, CopyError> {
        let _gate = enter_driver()?;
        let invalid = DriverError::INVALID_HANDLE;
        let waited = match &self.copying {
            Some(copying) => copying.event.synchronize(),
            None => Err(invalid),
        };
        match (waited, self.copying.take()) {
            (Ok(()), Some(copying)) => Ok(copying.slot),
            (outcome, copying) => {
                // Back it goes for `drop`: the in-flight list keeps it, for ever if need be.
                self.copying = copying;
                let error = outcome.err().unwrap_or(invalid);
                Err(match &self.copying {
                    Some(copying) => {
                        CopyError::driver("cuEventSynchronize", error, copying.event.context())
                    }
                    None => CopyError::Empty,
                })
            }
        }
    }
}

impl Drop for CopyBack {
    fn drop(&mut self) {
        let Some(copying) = self.copying.take() else {
            return;
        };
        if os::exit::driver_is_inherited() {
            // Slot and event are the parent's.
            return std::mem::forget(copying);
        }
        let Copying { slot, entry, event } = copying;
        let hold = Hold::of(slot, entry);
        self.pinner.in_flight().watch_event(event, hold);
    }
}
