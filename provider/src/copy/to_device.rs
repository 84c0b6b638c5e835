//! From a frame to the device, by the shortest way there is.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtrMut, DeviceSlice};

use super::{
    CopyError,
    entering::{Entered, capturing, refuse_captured},
};
use crate::{
    cuda::{self, CapturedGraph, Capturing, DeviceMemory, DriverError, ForeignMemory, Hold},
    figures,
    frame::Frame,
    reason::{DevicePath, FallbackReason, Way},
    registration::Lease,
    trace::{self, CopyInFlight},
};

impl Frame {
    /// Enqueues a copy of the frame to new device memory and returns at once; the memory has the frame's
    /// bytes for everything that is enqueued on `stream` afterwards.
    ///
    /// The frame may be dropped at once: what the copy reads is held until it has executed, also when
    /// the stream is destroyed. Takes the path that is best at this moment, which [`Frame::path`] tells
    /// afterwards. Direct copies return without touching the bytes; staged and pageable ones copy them
    /// once on the calling thread first. `stream` may belong to any context of this process.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    ///
    /// # fn consume(frame: Frame, pinner: &Pinner) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = pinner.new_stream()?;
    /// let on_device = frame.copy_to_device(&stream)?; // asynchronous
    /// drop(frame); // the slot is held until the DMA has read it
    /// # let _ = on_device;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CopyError`]. The frame stays usable, so the copy can be tried again.
    ///
    /// # Examples
    /// ```no_run
    /// use zenoh_pinned::{Frame, Pinner};
    /// # fn on_sample(sample: &zenoh::sample::Sample) -> Result<(), Box<dyn std::error::Error>> {
    /// let pinner = Pinner::builder().device(0).build();
    /// let frame = Frame::from_payload(sample.payload(), &pinner)?;
    /// if let Some(context) = pinner.context() {
    ///     let stream = context.new_stream()?;
    ///     let device = frame.copy_to_device(&stream)?;
    ///     drop(frame);
    ///     println!("{} bytes on their way", device.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_to_device(&self, stream: &Arc<CudaStream>) -> Result<CudaSlice<u8>, CopyError> {
        let _entered = self.enter_for_new(stream)?;
        // SAFETY: every byte is written by the copy below before anything enqueued later reads it.
        let allocated = unsafe { cuda::allocate_slice(stream, self.len()) };
        let mut destination = allocated.map_err(|error| self.not_allocated(error, stream))?;
        self.copy_to(&mut destination, stream)?;
        Ok(destination)
    }

    /// As [`Frame::copy_to_device`], to memory of this library; tells the way of this very copy.
    pub(super) fn copy_to_memory(
        &self,
        stream: &Arc<CudaStream>,
    ) -> Result<(DeviceMemory, Way), CopyError> {
        let _entered = self.enter_for_new(stream)?;
        let allocated = DeviceMemory::allocate(stream, self.len());
        let memory = allocated.map_err(|error| self.not_allocated(error, stream))?;
        let mut destination = ForeignMemory {
            address: memory.address(),
            bytes: memory.bytes(),
            stream,
        };
        match self.copy_to(&mut destination, stream) {
            Ok(way) => Ok((memory, way)),
            Err(error) => {
                // SAFETY: nothing but the copy that failed was enqueued for it, on this stream.
                let _ = unsafe { memory.free_in_order(stream) };
                Err(error)
            }
        }
    }

    fn enter_for_new(&self, stream: &CudaStream) -> Result<Entered, CopyError> {
        let entered = self.pinner().enter(stream)?;
        if self.is_empty() {
            return Err(CopyError::Empty);
        }
        refuse_captured(
            stream,
            "whose launches would all write memory that is allocated once: copy into memory that exists (copy_into)",
        )?;
        Ok(entered)
    }

    fn not_allocated(&self, error: DriverError, stream: &CudaStream) -> CopyError {
        CopyError::allocation(self.len(), error, stream.context())
    }

    /// As [`Frame::copy_to_device`], into device memory that exists already: a whole `CudaSlice` or a
    /// view of one, exactly as long as the frame.
    ///
    /// On a stream that is being captured the copy becomes a part of the graph: each launch copies this frame's
    /// bytes, and the frame is held until the graph and all that was made of it have gone. The frame is never staged
    /// then. The context must not track the uses of its memory (`CudaContext::disable_event_tracking`): cudarc's
    /// events would be captured too.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    ///
    /// # fn consume(frame: Frame, pinner: &Pinner) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = pinner.new_stream()?;
    /// let mut destination = stream.alloc_zeros::<u8>(frame.len())?; // once, for every frame
    /// frame.copy_into(&mut destination, &stream)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CopyError`]; [`CopyError::Length`] where the destination has another length.
    pub fn copy_into<Destination: DevicePtrMut<u8> + DeviceSlice<u8>>(
        &self,
        destination: &mut Destination,
        stream: &Arc<CudaStream>,
    ) -> Result<(), CopyError> {
        let _entered = self.pinner().enter(stream)?;
        CopyError::check_lengths(self.len(), destination.len())?;
        match capturing(stream)? {
            Capturing::Into(graph) => self.copy_in_graph(graph, destination, stream),
            _ => self.copy_to(destination, stream).map(drop),
        }
    }

    /// Enqueues the copy on a stream that is not captured, and tells its way.
    fn copy_to<Destination: DevicePtrMut<u8>>(
        &self,
        destination: &mut Destination,
        stream: &Arc<CudaStream>,
    ) -> Result<Way, CopyError> {
        let way = match self.registered_address() {
            Ok(address) => {
                let way = Way::DIRECT;
                self.enqueue(address, self.hold(), &way, destination, stream)?;
                way
            }
            Err(reason) => self.copy_unregistered(reason, destination, stream)?,
        };
        self.took(way.clone());
        Ok(way)
    }

    /// Makes the copy a part of a graph, which keeps what it reads.
    fn copy_in_graph<Destination: DevicePtrMut<u8>>(
        &self,
        graph: CapturedGraph,
        destination: &mut Destination,
        stream: &Arc<CudaStream>,
    ) -> Result<(), CopyError> {
        let context = stream.context();
        if context.is_managing_stream_synchronization() {
            return Err(CopyError::Capturing {
                why: "and cudarc's own events would be captured with the copy: disable_event_tracking() of the context",
            });
        }
        let (source, way) = match self.registered_address() {
            Ok(address) => (address, Way::DIRECT),
            Err(reason) => {
                let address = std::ptr::NonNull::from(&self[..]).cast();
                (address, Way::detour(DevicePath::Pageable, reason))
            }
        };
        // The graph keeps the bytes before it reads them, also where the copy then fails.
        let kept = self.pinner().in_flight();
        kept.keep_with_graph(stream, graph, self.hold())
            .map_err(|error| CopyError::driver("cuGraphRetainUserObject", error, context))?;
        // SAFETY: `source` is readable for the frame's length, and the graph keeps it so and unchanged for as long as
        // it can be launched. The destination's length was checked.
        let enqueued = unsafe { cuda::enqueue_from_host(stream, source, self.len(), destination) };
        enqueued.map_err(|error| CopyError::driver("cuMemcpyHtoDAsync", error, context))?;
        self.took(way);
        Ok(())
    }

    fn copy_unregistered<Destination: DevicePtrMut<u8>>(
        &self,
        reason: FallbackReason,
        destination: &mut Destination,
        stream: &Arc<CudaStream>,
    ) -> Result<Way, CopyError> {
        match self.pinner().lease_staging(self.len()) {
            Lease::Slot(mut lease) => {
                let address = lease.fill(self);
                let way = Way::detour(DevicePath::Staged, reason);
                let hold = Hold::of_staging(lease);
                self.enqueue(address, hold, &way, destination, stream)?;
                Ok(way)
            }
            Lease::Unavailable { reason: busy, .. } => {
                let address = std::ptr::NonNull::from(&self[..]).cast();
                // Why there is no staging slot says more than that a registration is on its way.
                let reason = match reason {
                    FallbackReason::RegistrationPending | FallbackReason::NotSharedMemory => busy,
                    lasting => lasting,
                };
                let way = Way::detour(DevicePath::Pageable, reason);
                self.enqueue(address, self.hold(), &way, destination, stream)?;
                Ok(way)
            }
        }
    }

    /// Enqueues the copy and keeps `hold` until it has executed.
    fn enqueue<Destination: DevicePtrMut<u8>>(
        &self,
        source: std::ptr::NonNull<u8>,
        hold: Hold,
        way: &Way,
        destination: &mut Destination,
        stream: &Arc<CudaStream>,
    ) -> Result<(), CopyError> {
        let began = self
            .trace()
            .and_then(|trace| Some((trace::begin()?, trace)));
        let traced = began.map(|(began, of)| CopyInFlight::new(began, of, self.len(), way));
        let (in_flight, context) = (self.pinner().in_flight(), stream.context());
        // SAFETY: `source` is readable for the frame's length and `hold` keeps it so and unchanged; the
        // hold goes to the in-flight list on every way out of here. The destination's length was checked.
        let enqueued = unsafe { cuda::enqueue_from_host(stream, source, self.len(), destination) };
        match enqueued {
            Ok(()) => {
                figures::count_copy(self.len());
                in_flight
                    .keep(stream, hold.traced(traced))
                    .map_err(|error| CopyError::driver("cuStreamSynchronize", error, context))
            }
            Err(error) => {
                let error = CopyError::driver("cuMemcpyHtoDAsync", error, context);
                let _ = in_flight.keep_until_idle(stream, hold);
                Err(error)
            }
        }
    }
}
