//! Device memory of a copy, lent to other libraries.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, OnceLock},
};

use cudarc::driver::CudaStream;

use super::{
    CopyError,
    entering::{Entered, capturing, enter_driver},
};
use crate::{
    cuda::{self, Capturing, DeviceMemory, DriverError, Event, Fence, ForeignMemory, Visit},
    frame::Frame,
    os,
    reason::{DevicePath, FallbackReason, Way},
};

/// A frame's bytes on the device, for libraries that use them on streams of their own. Usable from any
/// thread.
///
/// Where a `CudaSlice` belongs to code that speaks cudarc, this belongs to code that knows an address: what
/// DLPack's `DLTensor.data` and `__cuda_array_interface__` carry.
///
/// ```
/// use zenoh_pinned::{Frame, Pinner};
///
/// # fn consume(frame: Frame, pinner: &Pinner) -> Result<(), Box<dyn std::error::Error>> {
/// let stream = pinner.new_stream()?;
/// let buffer = frame.copy_to_device_buffer(&stream)?;
/// let used_on = pinner.new_stream()?; // another library's
/// buffer.lend_to(&used_on)?;
/// println!("{} bytes at {:#x} of device {}", buffer.len(), buffer.address(), buffer.ordinal());
/// # Ok(())
/// # }
/// ```
///
/// # Who may use it, and when its memory goes
/// Its own stream finds the bytes without further ado; any other one does after [`DeviceBuffer::lend_to`], and so do
/// streams that are ordered behind either. Once it was lent, or copied on a stream that the library does not keep
/// ([`DeviceBuffer::leave_stream`]), nobody here knows where it is used. So dropping it gives the memory back behind
/// *everything* that is enqueued in the context by then, by anybody and on any stream: a background thread waits
/// for that. Dropping itself waits for nothing. A buffer that was never lent goes behind its own stream, without a
/// thread.
///
/// # Streams that are captured
/// A buffer can be lent to a stream that is being captured into a CUDA graph; this call then waits for the copy. The
/// graph's launches use the memory, so keep the buffer for as long as the graph. Nothing here disturbs a capture.
#[derive(Debug)]
pub struct DeviceBuffer {
    /// Given up by `drop` only, through the exit gate; so is `copied`.
    memory: ManuallyDrop<DeviceMemory>,
    way: Way,
    stream: Arc<CudaStream>,
    /// Behind the copy.
    copied: ManuallyDrop<Event>,
    /// Set once others may use the memory where nobody here knows.
    lent: OnceLock<Arc<Fence>>,
}

impl Frame {
    /// As [`Frame::copy_to_device`], into memory that other libraries can use.
    ///
    /// # Errors
    /// [`CopyError`]. The frame stays usable, so the copy can be tried again.
    ///
    /// # Examples
    /// ```no_run
    /// use zenoh_pinned::Frame;
    /// # fn lend(frame: &Frame, context: &std::sync::Arc<cudarc::driver::CudaContext>)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// let buffer = frame.copy_to_device_buffer(&context.new_stream()?)?;
    /// buffer.lend_to(&context.default_stream())?; // from now on the default stream finds the bytes
    /// println!("{} bytes at {:#x}", buffer.len(), buffer.address());
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_to_device_buffer(
        &self,
        stream: &Arc<CudaStream>,
    ) -> Result<DeviceBuffer, CopyError> {
        let (memory, way) = self.copy_to_memory(stream)?;
        let _entered = enter_driver()?;
        match Event::record(stream) {
            Ok(copied) => Ok(DeviceBuffer {
                memory: ManuallyDrop::new(memory),
                way,
                stream: stream.clone(),
                copied: ManuallyDrop::new(copied),
                lent: OnceLock::new(),
            }),
            Err(error) => {
                // SAFETY: only the copy uses it, on this stream.
                let _ = unsafe { memory.free_in_order(stream) };
                Err(CopyError::driver("cuEventRecord", error, stream.context()))
            }
        }
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
        self.memory.address()
    }

    /// Length in bytes, never zero.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.memory.bytes()
    }

    /// The ordinal of the device.
    pub fn ordinal(&self) -> usize {
        self.memory.context().ordinal()
    }

    /// The stream that the copy was enqueued on: whatever is enqueued on it afterwards finds the bytes. After
    /// [`DeviceBuffer::leave_stream`] it may be gone.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// Copies the bytes back to the host and waits for them, mostly to look at: as they are behind what was
    /// enqueued until now wherever the buffer was lent to. Of a buffer that was lent this waits for the whole context.
    ///
    /// ```
    /// # fn look(buffer: zenoh_pinned::DeviceBuffer) -> Result<(), zenoh_pinned::CopyError> {
    /// let mut bytes = vec![0; buffer.len()];
    /// buffer.copy_to_host(&mut bytes)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CopyError::Length`] where `destination` has another length, [`CopyError::Driver`],
    /// [`CopyError::ContextLost`], [`CopyError::Forked`].
    pub fn copy_to_host(&self, destination: &mut [u8]) -> Result<(), CopyError> {
        CopyError::check_lengths(self.len(), destination.len())?;
        let _entered = self.enter()?;
        let (call, ordered) = match self.lent.get() {
            Some(fence) => ("cuMemFree", fence.pass()),
            // What its own stream has done with it since.
            None => ("cuStreamSynchronize", cuda::synchronize(&self.stream)),
        };
        ordered.map_err(|error| self.failed(call, error))?;
        let copied = self.memory.copy_to_host(destination);
        copied.map_err(|error| self.failed("cuMemcpyDtoH", error))
    }

    /// Waits until the bytes are there.
    ///
    /// # Errors
    /// [`CopyError::Driver`], [`CopyError::ContextLost`], [`CopyError::Forked`].
    pub fn synchronize(&self) -> Result<(), CopyError> {
        let _entered = self.enter()?;
        let waited = self.copied.synchronize();
        waited.map_err(|error| self.failed("cuEventSynchronize", error))
    }

    /// The way that the bytes took.
    pub fn path(&self) -> DevicePath {
        self.way.path
    }

    /// Why the way was not [`DevicePath::Direct`]; `None` where it was.
    pub fn reason(&self) -> Option<&FallbackReason> {
        self.way.reason.as_ref()
    }

    /// Lets whatever is enqueued on `stream` from now on find the bytes; from there they may go to any other stream.
    /// `stream` has to exist during this call only. Where it is being captured, this waits for the copy.
    ///
    /// # Errors
    /// [`CopyError::DeviceAllocation`] where the device has no memory left for what waits for the borrowers,
    /// [`CopyError::Driver`], [`CopyError::ContextLost`], [`CopyError::Forked`]: nothing has been lent.
    pub fn lend_to(&self, stream: &Arc<CudaStream>) -> Result<(), CopyError> {
        let _entered = self.enter()?;
        self.mark_lent()?;
        if stream == &self.stream {
            return Ok(());
        }
        let is_used_at_once = matches!(capturing(stream), Ok(Capturing::No));
        let (call, ordered) = match is_used_at_once {
            true => ("cuStreamWaitEvent", self.copied.is_awaited_by(stream)),
            // A captured stream, and a default stream that is blocked by a capture, cannot wait for an event outside.
            false => ("cuEventSynchronize", self.copied.synchronize()),
        };
        ordered.map_err(|error| self.failed(call, error))
    }

    /// Never touches the stream of the copy again, because nobody here keeps it: its memory then goes as if it had
    /// been lent.
    ///
    /// # Errors
    /// As [`DeviceBuffer::lend_to`].
    pub fn leave_stream(&self) -> Result<(), CopyError> {
        let _entered = self.enter()?;
        self.mark_lent()
    }

    fn mark_lent(&self) -> Result<(), CopyError> {
        if self.lent.get().is_none() {
            let context = self.memory.context();
            let fence = Fence::of(context);
            let fence = fence.map_err(|error| CopyError::allocation(self.len(), error, context))?;
            // Another thread may have been quicker; there is one fence for a context.
            let _ = self.lent.set(fence);
        }
        Ok(())
    }

    fn enter(&self) -> Result<Entered, CopyError> {
        match cuda::loss_of(self.memory.context()) {
            Some(loss) => Err(loss.into()),
            None => enter_driver(),
        }
    }

    fn failed(&self, call: &'static str, error: DriverError) -> CopyError {
        CopyError::driver(call, error, self.memory.context())
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        let _visit = Visit::begin();
        // SAFETY: each is taken once, here, and never used again.
        let (memory, copied) = unsafe {
            (
                ManuallyDrop::take(&mut self.memory),
                ManuallyDrop::take(&mut self.copied),
            )
        };
        drop(copied);
        if cuda::loss_of(memory.context()).is_some() {
            // It goes with the context, and its address may be somebody else's by now.
            return memory.abandon();
        }
        if let Some(fence) = self.lent.take() {
            return cuda::free_when_unused(memory, fence);
        }
        if !matches!(cuda::capturing(&self.stream), Ok(Capturing::No)) {
            return cuda::free_behind_everything(memory);
        }
        // SAFETY: it was never lent, so what uses it is enqueued on its own stream.
        let freed = unsafe { memory.free_in_order(&self.stream) };
        if let Err(error) = freed
            && cuda::note(self.stream.context(), error).is_none()
        {
            let error = error.name();
            tracing::error!(error, "device memory stays until this process ends");
        }
    }
}
