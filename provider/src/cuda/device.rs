//! Opening a device, or finding out why there is none.

use std::{
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cudarc::driver::{CudaContext, CudaStream, result, sys};

use super::{
    entries,
    error::{DriverError, check},
    event::Event,
    visit::{NON_BLOCKING, Visit, bind},
    witness::witness,
};
use crate::{os, reason::FallbackReason};

/// The question whether a device can register host memory.
pub(super) const SUPPORTS_REGISTRATION: sys::CUdevice_attribute =
    sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED;

/// A context that this crate keeps; given up through the exit gate only.
#[derive(Debug)]
pub(crate) struct Device {
    /// Goes before the context that it is an event of.
    witness: ManuallyDrop<Option<Arc<Event>>>,
    context: ManuallyDrop<Arc<CudaContext>>,
}

impl Device {
    /// Loads the driver and retains the primary context of device `ordinal`.
    pub(crate) fn open(ordinal: usize) -> Result<Self, FallbackReason> {
        if os::exit::driver_is_inherited() {
            return Err(FallbackReason::Forked);
        }
        entries::load()?;
        let _visit = Visit::begin();
        without_missing_symbols(|| {
            let no_device = |call, error| no_device_or(call, ordinal, DriverError::from(error));
            result::init().map_err(|error| no_device("cuInit", error))?;
            let count = result::device::get_count();
            let count = count.map_err(|error| no_device("cuDeviceGetCount", error))?;
            let count = usize::try_from(count).unwrap_or(0);
            if ordinal >= count {
                return Err(FallbackReason::NoDevice { ordinal, count });
            }
            let context = CudaContext::new(ordinal)
                .map_err(|error| DriverError::from(error).reason("cuDevicePrimaryCtxRetain"))?;
            Self::of_context(context)
        })
    }

    /// A device whose context the application has made.
    pub(crate) fn of_context(context: Arc<CudaContext>) -> Result<Self, FallbackReason> {
        if os::exit::driver_is_inherited() {
            // The parent's, as is the reference to it.
            std::mem::forget(context);
            return Err(FallbackReason::Forked);
        }
        entries::load()?;
        os::exit::close_gate_before_driver();
        let _visit = Visit::begin();
        Ok(Self {
            witness: ManuallyDrop::new(witness(&context)),
            context: ManuallyDrop::new(context),
        })
    }

    /// The application's own context, by its handle. The primary one, which CUDA's runtime uses, is retained; any other
    /// one is never destroyed here.
    ///
    /// # Safety
    /// The handle is null, or of a context that stays as long as anything that is made of what this returns.
    pub(crate) unsafe fn context_of_handle(
        handle: sys::CUcontext,
    ) -> Result<Arc<CudaContext>, FallbackReason> {
        if os::exit::driver_is_inherited() {
            return Err(FallbackReason::Forked);
        }
        let entries = entries::load()?;
        if handle.is_null() {
            return Err(DriverError::INVALID_CONTEXT.reason("cuCtxGetDevice"));
        }
        let _visit = Visit::begin();
        let failed = |call| move |error| DriverError::from(error).reason(call);
        without_missing_symbols(|| {
            // SAFETY: the caller vouches for the handle; a driver that does not know it says so.
            check(unsafe { (entries.context_make_current)(handle) })
                .map_err(|error| error.reason("cuCtxSetCurrent"))?;
            let mut device = 0;
            // SAFETY: the place is this function's own.
            check(unsafe { (entries.context_device)(&raw mut device) })
                .map_err(|error| error.reason("cuCtxGetDevice"))?;
            let ordinal = usize::try_from(device).unwrap_or(0);
            let (mut flags, mut is_active) = (0, 0);
            let (flags, active) = (&raw mut flags, &raw mut is_active);
            // SAFETY: both places are this function's own.
            let asked = unsafe { (entries.primary_state)(device, flags, active) };
            if check(asked).is_ok() && is_active != 0 {
                let primary =
                    CudaContext::new(ordinal).map_err(failed("cuDevicePrimaryCtxRetain"))?;
                if primary.cu_ctx() == handle {
                    return Ok(primary);
                }
            }
            // SAFETY: the handle is of this device, as the driver says.
            let context = unsafe { CudaContext::from_raw_context(ordinal, device, handle) };
            let context = context.map_err(failed("cuCtxSetCurrent"))?;
            // cudarc destroys it with the last reference, and it is not ours.
            std::mem::forget(context.clone());
            Ok(context)
        })
    }

    /// A further reference to the context of a device.
    pub(crate) fn kept(context: Arc<CudaContext>) -> Self {
        Self {
            witness: ManuallyDrop::new(None),
            context: ManuallyDrop::new(context),
        }
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// A new stream, which waits for no other one; it lives as long as the process.
    ///
    /// cudarc's own way to make one waits for the whole context first, which disturbs every capture in it.
    pub(crate) fn new_stream(&self) -> Result<Arc<CudaStream>, DriverError> {
        let entries = bind(&self.context)?;
        let mut stream = std::ptr::null_mut();
        // SAFETY: the place is this function's own.
        check(unsafe { (entries.stream_create)(&raw mut stream, NON_BLOCKING) })?;
        // SAFETY: it was made in this context just now, and nobody ever destroys it.
        Ok(unsafe { self.context.wrap_borrowed_stream(stream) })
    }

    /// The device's name as the driver gives it.
    pub(crate) fn name(&self) -> Option<String> {
        self.context.name().ok()
    }

    /// Whether the device can register host memory.
    pub(crate) fn can_register(&self) -> bool {
        let device = self.context.cu_device();
        // SAFETY: the device is that of a context that is alive.
        let supported = unsafe { result::device::get_attribute(device, SUPPORTS_REGISTRATION) };
        // A driver that does not know the question answers with an error; registering then tells.
        supported.unwrap_or(1) != 0
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(_gate) = os::exit::enter_driver() {
            let _visit = Visit::begin();
            // SAFETY: each is dropped once, here, and never used again.
            unsafe {
                ManuallyDrop::drop(&mut self.witness);
                ManuallyDrop::drop(&mut self.context);
            }
        }
    }
}

/// Runs driver code that may panic because an entry point is missing: cudarc looks each one up at its
/// first use and panics where the driver has none of that name.
pub(super) fn without_missing_symbols<T>(
    call: impl FnOnce() -> Result<T, FallbackReason>,
) -> Result<T, FallbackReason> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let unknown = || String::from("a call into the driver panicked");
        Err(FallbackReason::DriverUnusable {
            detail: message.unwrap_or_else(unknown),
        })
    })
}

pub(super) fn no_device_or(
    call: &'static str,
    ordinal: usize,
    error: DriverError,
) -> FallbackReason {
    match error {
        DriverError::NO_DEVICE => FallbackReason::NoDevice { ordinal, count: 0 },
        _ => error.reason(call),
    }
}
