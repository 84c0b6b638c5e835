//! Device memory of a copy, lent to other libraries of the process.

use std::{
    mem::ManuallyDrop,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceSlice, DriverError, SyncOnDrop, sys,
};

use super::{CopyError, idle, to_device::Way};
use crate::{
    cuda,
    frame::Frame,
    os,
    path::{DevicePath, FallbackReason},
};

/// Lent to the default stream.
const TO_DEFAULT: u8 = 1;
/// Lent to a stream that may be gone when the memory is freed.
const ELSEWHERE: u8 = 2;

/// A frame's bytes on the device, for libraries that use them on streams of their own. Usable from any
/// thread.
///
/// Where a `CudaSlice` belongs to code that speaks cudarc, this belongs to code that knows an address: what
/// DLPack's `DLTensor.data` and `__cuda_array_interface__` carry. Dropping it frees the memory behind
/// whatever was enqueued until then on the stream of the copy and wherever it was lent to. Streams of others
/// are not touched for that, as nothing says that they still exist: where it was lent to another one than the
/// default stream, a background thread frees it when the context has done what it had to do. Dropping
/// waits for none of that, except on devices without stream-ordered allocation.
#[derive(Debug)]
pub struct DeviceBuffer {
    /// Given up by `drop`, through the exit gate only.
    memory: ManuallyDrop<CudaSlice<u8>>,
    address: u64,
    way: Way,
    stream: Arc<CudaStream>,
    lent: AtomicU8,
}

impl Frame {
    /// As [`Frame::copy_to_device`], into memory that other libraries can use.
    ///
    /// # Errors
    /// [`CopyError`]. The frame stays usable, so the copy can be tried again.
    pub fn copy_to_device_buffer(
        &self,
        stream: &Arc<CudaStream>,
    ) -> Result<DeviceBuffer, CopyError> {
        let (memory, way) = self.copy_to_new(stream)?;
        let (address, read) = memory.device_ptr(stream);
        drop(read);
        Ok(DeviceBuffer {
            memory: ManuallyDrop::new(memory),
            address,
            way,
            stream: stream.clone(),
            lent: AtomicU8::new(0),
        })
    }
}

/// Device memory of another library, known by its address.
struct ForeignMemory<'a> {
    address: u64,
    bytes: usize,
    stream: &'a Arc<CudaStream>,
}

impl DeviceSlice<u8> for ForeignMemory<'_> {
    fn len(&self) -> usize {
        self.bytes
    }

    fn stream(&self) -> &Arc<CudaStream> {
        self.stream
    }
}

impl DevicePtrMut<u8> for ForeignMemory<'_> {
    /// Ordered by whoever chose the stream.
    fn device_ptr_mut<'a>(&'a mut self, _: &'a CudaStream) -> (sys::CUdeviceptr, SyncOnDrop<'a>) {
        (self.address, SyncOnDrop::Record(None))
    }
}

impl Frame {
    /// As [`Frame::copy_into`], to device memory of another library.
    ///
    /// # Errors
    /// As [`Frame::copy_into`].
    ///
    /// # Safety
    /// `address` is the first of `bytes` bytes of device memory that `stream` may write, and that stay
    /// allocated until the copy has executed; other uses of them are ordered against `stream`.
    pub unsafe fn copy_to_address(
        &self,
        address: u64,
        bytes: usize,
        stream: &Arc<CudaStream>,
    ) -> Result<(), CopyError> {
        let mut destination = ForeignMemory {
            address,
            bytes,
            stream,
        };
        self.copy_into(&mut destination, stream)
    }
}

impl DeviceBuffer {
    /// The device address of the first byte.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Length in bytes, never zero.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// The ordinal of the device.
    pub fn ordinal(&self) -> usize {
        self.stream.context().ordinal()
    }

    /// The stream that the copy was enqueued on: whatever is enqueued on it afterwards finds the bytes.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// Copies the bytes back to the host and waits for them, mostly to look at: as they are behind what was
    /// enqueued until now wherever the buffer was lent to.
    ///
    /// # Errors
    /// [`CopyError::Length`] where `destination` has another length, [`CopyError::Driver`],
    /// [`CopyError::ContextLost`], [`CopyError::Forked`].
    pub fn copy_to_host(&self, destination: &mut [u8]) -> Result<(), CopyError> {
        if destination.len() != self.len() {
            return Err(CopyError::Length {
                source_bytes: self.len(),
                destination_bytes: destination.len(),
            });
        }
        let _gate = self.enter()?;
        let ordered = match self.lent.load(Ordering::Relaxed) {
            0 => Ok(()),
            TO_DEFAULT => cuda::wait_for(&self.stream, &self.stream.context().default_stream()),
            _ => cuda::synchronize_context(self.stream.context()),
        };
        ordered
            .and_then(|()| self.stream.memcpy_dtoh(&*self.memory, destination))
            .and_then(|()| cuda::synchronize(&self.stream))
            .map_err(|error| self.failed("cuMemcpyDtoHAsync", error))
    }

    /// Waits until the bytes are there.
    ///
    /// # Errors
    /// [`CopyError::Driver`], [`CopyError::ContextLost`], [`CopyError::Forked`].
    pub fn synchronize(&self) -> Result<(), CopyError> {
        let _gate = self.enter()?;
        cuda::synchronize(&self.stream).map_err(|error| self.failed("cuStreamSynchronize", error))
    }

    /// The way that the bytes took.
    pub fn path(&self) -> DevicePath {
        self.way.0
    }

    /// Why the way was not [`DevicePath::Direct`]; `None` where it was.
    pub fn reason(&self) -> Option<&FallbackReason> {
        self.way.1.as_ref()
    }

    /// Lets whatever is enqueued on `stream` from now on find the bytes, and has the memory freed only behind
    /// what is enqueued there until then. `stream` has to exist during this call only.
    ///
    /// # Errors
    /// [`CopyError::Driver`], [`CopyError::ContextLost`], [`CopyError::Forked`]: nothing has been lent.
    pub fn lend_to(&self, stream: &Arc<CudaStream>) -> Result<(), CopyError> {
        let _gate = self.enter()?;
        if stream == &self.stream {
            return Ok(());
        }
        cuda::wait_for(stream, &self.stream)
            .map_err(|error| self.failed("cuStreamWaitEvent", error))?;
        let to = match cuda::is_default(stream) {
            true => TO_DEFAULT,
            false => ELSEWHERE,
        };
        // Relaxed: read by `drop`, which has the buffer for itself.
        self.lent.fetch_or(to, Ordering::Relaxed);
        Ok(())
    }

    fn enter(&self) -> Result<os::exit::DriverGate, CopyError> {
        match cuda::loss_of(self.stream.context()) {
            Some(loss) => Err(loss.into()),
            None => super::enter_driver(),
        }
    }

    fn failed(&self, call: &'static str, error: DriverError) -> CopyError {
        CopyError::driver(call, error, self.stream.context())
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        // SAFETY: taken once, here, and never used again.
        let memory = unsafe { ManuallyDrop::take(&mut self.memory) };
        let lent = *self.lent.get_mut();
        let loss = cuda::loss_of(self.stream.context());
        if loss.as_ref().is_some_and(|loss| loss.is_destroyed) {
            // The memory went with the context, and its address may be somebody else's by now.
            return std::mem::forget(memory);
        }
        cuda::keeping_current(|| {
            if loss.is_some() {
                // Nothing runs in a failed context, so nothing is waited for.
                return drop(memory);
            }
            if lent & ELSEWHERE != 0 {
                return idle::free_when_idle(memory);
            }
            let default = self.stream.context().default_stream();
            if lent & TO_DEFAULT != 0
                && let Err(error) = cuda::wait_for(&self.stream, &default)
            {
                // Work on it may still be going on, and nobody can tell when it ends.
                let error = cuda::name_of(error);
                std::mem::forget(memory);
                return tracing::error!(error, "device memory stays until this process ends");
            }
            drop(memory);
        });
    }
}
