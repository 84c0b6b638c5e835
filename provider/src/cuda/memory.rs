//! Device memory of this library's own, and waiting until nothing uses it any more.
//!
//! Knowingly weak: a fence relies on `cuMemFree` waiting for the work of all streams of its context. Drivers do so, and
//! programs count on it; the driver API's reference does not promise it. The tests of lent memory
//! (`tests/beside_others/lent.rs`) fail on a driver that does otherwise.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use cudarc::driver::{CudaContext, CudaSlice, CudaStream};

use super::{
    error::{DriverError, check},
    lost::loss_of,
    visit::{NON_BLOCKING, Visit, apart, bind},
};
use crate::os::{self, mutex, per_process::PerProcess};

/// What a fence allocates: large enough to be memory of its own to the driver.
const FENCE_BYTES: usize = 2 << 20;

/// Device memory. It is given back by name only: dropped, it stays allocated for as long as its context.
#[derive(Debug)]
pub(crate) struct DeviceMemory {
    address: u64,
    bytes: usize,
    context: ManuallyDrop<Arc<CudaContext>>,
}

impl DeviceMemory {
    /// Allocates in the order of the stream, where the device has memory pools. Not on a stream that is captured.
    pub(crate) fn allocate(stream: &CudaStream, bytes: usize) -> Result<Self, DriverError> {
        let context = stream.context();
        let entries = bind(context)?;
        let mut address = 0;
        // SAFETY: the place is this function's own; the stream is alive, as it is borrowed.
        check(unsafe {
            match context.has_async_alloc() {
                true => {
                    (entries.memory_allocate_in_order)(&raw mut address, bytes, stream.cu_stream())
                }
                false => (entries.memory_allocate)(&raw mut address, bytes),
            }
        })?;
        Ok(Self {
            address,
            bytes,
            context: ManuallyDrop::new(context.clone()),
        })
    }

    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// Copies the bytes to the host, once everything that has to come before has executed.
    pub(crate) fn copy_to_host(&self, destination: &mut [u8]) -> Result<(), DriverError> {
        debug_assert!(destination.len() <= self.bytes);
        let entries = bind(&self.context)?;
        let (to, bytes) = (destination.as_mut_ptr(), destination.len());
        let mut stream = std::ptr::null_mut();
        // A stream of its own: no other one is certain to be there, and the default one may be blocked by a capture.
        // SAFETY: the place is this function's own; both ends are so long, and the destination is borrowed until the
        // copy was waited for.
        unsafe {
            check((entries.stream_create)(&raw mut stream, NON_BLOCKING))?;
            let enqueued = (entries.copy_to_host)(to.cast(), self.address, bytes, stream);
            let copied = check((entries.stream_synchronize)(stream)).and(check(enqueued));
            let _ = (entries.stream_destroy)(stream);
            copied
        }
    }

    /// Gives it back behind what is enqueued on the stream so far. Without memory pools the driver waits for the
    /// whole context.
    ///
    /// # Safety
    /// What still uses the memory is enqueued on this stream, and no work that is enqueued later uses it.
    pub(crate) unsafe fn free_in_order(self, stream: &CudaStream) -> Result<(), DriverError> {
        let entries = bind(&self.context)?;
        // SAFETY: allocated by `allocate`, given back once, as it is taken; the caller vouches for the order.
        check(unsafe {
            match self.context.has_async_alloc() {
                true => (entries.memory_free_in_order)(self.address, stream.cu_stream()),
                false => (entries.memory_free)(self.address),
            }
        })?;
        drop(ManuallyDrop::into_inner(self.context));
        Ok(())
    }

    /// Gives it back at once.
    ///
    /// # Safety
    /// Nothing uses the memory any more.
    ///
    /// # Errors
    /// The driver's, and the memory, which is still there.
    pub(crate) unsafe fn free(self) -> Result<(), (Self, DriverError)> {
        let freed = bind(&self.context).and_then(|entries| {
            // SAFETY: allocated by `allocate`, given back once; the caller vouches for the rest.
            check(unsafe { (entries.memory_free)(self.address) })
        });
        match freed {
            Ok(()) => {
                drop(ManuallyDrop::into_inner(self.context));
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }

    /// Leaves the memory to its context, and lets go of that.
    pub(crate) fn abandon(self) {
        drop(ManuallyDrop::into_inner(self.context));
    }
}

/// Memory whose release makes the driver wait for everything that was enqueued in its context, by anybody and on any
/// stream.
///
/// `cuCtxSynchronize` would be the plain way, but it fails while any stream of the context is captured, and disturbs
/// that capture. `cuMemFree` of memory that is no pool's waits too, and is legal beside a capture for a thread in the
/// relaxed mode. The memory is there beforehand, so that no lack of memory keeps a fence from being made.
#[derive(Debug)]
pub(crate) struct Fence {
    context: ManuallyDrop<Arc<CudaContext>>,
    /// Zero where it could not be had again after the last time.
    address: Mutex<u64>,
}

impl Fence {
    /// The fence of a context, shared by all who have one.
    ///
    /// # Errors
    /// The device has no memory for it.
    pub(crate) fn of(context: &Arc<CudaContext>) -> Result<Arc<Self>, DriverError> {
        static FENCES: PerProcess<Mutex<Vec<Weak<Fence>>>> = PerProcess::new(Mutex::default);
        let mut fences = FENCES.lock();
        fences.retain(|fence| fence.strong_count() > 0);
        let mut there = fences.iter().filter_map(Weak::upgrade);
        if let Some(fence) = there.find(|fence| Arc::ptr_eq(&fence.context, context)) {
            return Ok(fence);
        }
        let fence = Arc::new(Self {
            address: Mutex::new(allocate(context)?),
            context: ManuallyDrop::new(context.clone()),
        });
        fences.push(Arc::downgrade(&fence));
        Ok(fence)
    }

    /// Waits until everything that was enqueued in the context before this call has executed.
    ///
    /// # Errors
    /// The driver's; nothing is known then.
    pub(crate) fn pass(&self) -> Result<(), DriverError> {
        let mut address = mutex::lock(&self.address);
        if *address == 0 {
            *address = allocate(&self.context)?;
        }
        let entries = bind(&self.context)?;
        // SAFETY: allocated by this fence, and nothing ever uses it.
        check(unsafe { (entries.memory_free)(*address) })?;
        // Somebody else may have taken the memory meanwhile; the next time tries again.
        *address = allocate(&self.context).unwrap_or(0);
        Ok(())
    }
}

impl Drop for Fence {
    /// Waits as well; those who pass fences go last, on a thread that may wait.
    fn drop(&mut self) {
        let Some(_gate) = os::exit::enter_driver() else {
            return;
        };
        let _visit = Visit::begin();
        let address = *self
            .address
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if address != 0
            && loss_of(&self.context).is_none()
            && let Ok(entries) = bind(&self.context)
        {
            // SAFETY: allocated by this fence, and nothing ever uses it.
            let _ = unsafe { (entries.memory_free)(address) };
        }
        // SAFETY: dropped once, here, and never used again.
        unsafe { ManuallyDrop::drop(&mut self.context) };
    }
}

fn allocate(context: &Arc<CudaContext>) -> Result<u64, DriverError> {
    let entries = bind(context)?;
    let mut address = 0;
    // SAFETY: the place is this function's own.
    check(unsafe { (entries.memory_allocate)(&raw mut address, FENCE_BYTES) })?;
    Ok(address)
}

/// Device memory as cudarc has it, for users of cudarc.
///
/// # Safety
/// Every byte is written before anything reads it.
pub(crate) unsafe fn allocate_slice(
    stream: &Arc<CudaStream>,
    bytes: usize,
) -> Result<CudaSlice<u8>, DriverError> {
    // SAFETY: the caller vouches for the bytes.
    let (allocated, left) = apart(stream.context(), || unsafe { stream.alloc::<u8>(bytes) });
    left?;
    allocated.map_err(DriverError::from)
}
