//! Device memory of a copy, lent to other libraries of the process.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, Mutex, PoisonError},
};

use cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceSlice, SyncOnDrop, sys,
};

use super::CopyError;
use crate::{cuda, frame::Frame, os};

/// A frame's bytes on the device, for libraries that use them on streams of their own. Usable from any
/// thread.
///
/// Where a `CudaSlice` belongs to code that speaks cudarc, this belongs to code that knows an address: what
/// DLPack's `DLTensor.data` and `__cuda_array_interface__` carry. Dropping it frees the memory behind what
/// was enqueued until then on the stream of the copy and on every stream that it was lent to; it waits for
/// none of them.
#[derive(Debug)]
pub struct DeviceBuffer {
    /// Given up by `drop`, through the exit gate only.
    memory: ManuallyDrop<CudaSlice<u8>>,
    address: u64,
    stream: Arc<CudaStream>,
    lent_to: Mutex<Vec<Arc<CudaStream>>>,
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
        let memory = self.copy_to_device(stream)?;
        let (address, read) = memory.device_ptr(stream);
        drop(read);
        Ok(DeviceBuffer {
            memory: ManuallyDrop::new(memory),
            address,
            stream: stream.clone(),
            lent_to: Mutex::default(),
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

    /// Copies the bytes back to the host and waits for them, mostly to look at.
    ///
    /// # Errors
    /// [`CopyError::Length`] where `destination` has another length, [`CopyError::Driver`].
    pub fn copy_to_host(&self, destination: &mut [u8]) -> Result<(), CopyError> {
        if destination.len() != self.len() {
            return Err(CopyError::Length {
                source_bytes: self.len(),
                destination_bytes: destination.len(),
            });
        }
        let copied = self.stream.memcpy_dtoh(&*self.memory, destination);
        copied
            .and_then(|()| cuda::synchronize(&self.stream))
            .map_err(|error| CopyError::driver("cuMemcpyDtoHAsync", error))
    }

    /// Lets whatever is enqueued on `stream` from now on find the bytes, and has the memory freed only behind
    /// what is enqueued on it until then.
    ///
    /// # Errors
    /// [`CopyError::Driver`]: the driver refused; nothing has been lent.
    pub fn lend_to(&self, stream: &Arc<CudaStream>) -> Result<(), CopyError> {
        if stream == &self.stream {
            return Ok(());
        }
        cuda::wait_for(stream, &self.stream)
            .map_err(|error| CopyError::driver("cuStreamWaitEvent", error))?;
        let mut lent_to = self.lent_to.lock().unwrap_or_else(PoisonError::into_inner);
        if !lent_to.contains(stream) {
            lent_to.push(stream.clone());
        }
        Ok(())
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        let lent_to = self
            .lent_to
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for stream in lent_to.drain(..) {
            if let Err(error) = cuda::wait_for(&self.stream, &stream) {
                // Its work may still be going on, and nobody can tell when it ends.
                let error = cuda::name_of(error);
                return tracing::error!(error, "device memory stays until this process ends");
            }
        }
        // SAFETY: dropped once, here, and never used again.
        unsafe { ManuallyDrop::drop(&mut self.memory) };
    }
}
