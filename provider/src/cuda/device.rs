//! Opening a device, or finding out why there is none.

use std::{mem::ManuallyDrop, sync::Arc};

use cudarc::driver::{CudaContext, result, sys};

use super::{reason, without_missing_symbols};
use crate::{os, path::FallbackReason};

/// A context that this crate keeps; given up through the exit gate only.
#[derive(Debug)]
pub(crate) struct Device {
    context: ManuallyDrop<Arc<CudaContext>>,
}

impl Device {
    /// Loads the driver and retains the primary context of device `ordinal`.
    pub(crate) fn open(ordinal: usize) -> Result<Self, FallbackReason> {
        if os::exit::driver_is_inherited() {
            return Err(FallbackReason::Forked);
        }
        // SAFETY: opens the driver library by its well-known names, which is what a CUDA process does.
        if !unsafe { sys::is_culib_present() } {
            return Err(FallbackReason::NoDriver);
        }
        without_missing_symbols(|| {
            result::init().map_err(|error| no_device_or("cuInit", ordinal, error))?;
            let count = result::device::get_count()
                .map_err(|error| no_device_or("cuDeviceGetCount", ordinal, error))?;
            let count = usize::try_from(count).unwrap_or(0);
            if ordinal >= count {
                return Err(FallbackReason::NoDevice { ordinal, count });
            }
            let context = CudaContext::new(ordinal)
                .map_err(|error| reason("cuDevicePrimaryCtxRetain", error))?;
            Self::of_context(context)
        })?
    }

    /// A device whose context the application has made.
    pub(crate) fn of_context(context: Arc<CudaContext>) -> Result<Self, FallbackReason> {
        if os::exit::driver_is_inherited() {
            // The parent's, as is the reference to it.
            std::mem::forget(context);
            return Err(FallbackReason::Forked);
        }
        os::exit::close_gate_before_driver();
        Ok(Self::kept(context))
    }

    /// A further reference to the context of a device.
    pub(crate) fn kept(context: Arc<CudaContext>) -> Self {
        Self {
            context: ManuallyDrop::new(context),
        }
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// Whether the device can register host memory.
    pub(crate) fn can_register(&self) -> bool {
        use sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED as SUPPORTED;
        // A driver that does not know the question answers with an error; registering then tells.
        self.context.attribute(SUPPORTED).unwrap_or(1) != 0
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(_gate) = os::exit::enter_driver() {
            // SAFETY: dropped once, here, and never used again.
            unsafe { ManuallyDrop::drop(&mut self.context) };
        }
    }
}

fn no_device_or(
    call: &'static str,
    ordinal: usize,
    error: cudarc::driver::DriverError,
) -> FallbackReason {
    match error.0 {
        sys::cudaError_enum::CUDA_ERROR_NO_DEVICE => FallbackReason::NoDevice { ordinal, count: 0 },
        _ => reason(call, error),
    }
}
