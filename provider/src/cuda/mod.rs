//! The one door to CUDA.
//!
//! Everything that calls the driver in this crate goes through here, in cudarc's terms: opening a device
//! (which loads the driver library and retains the primary context), registering host memory, enqueueing
//! copies, and the rule for calls that the user did not make.
//!
//! Nothing is loaded until somebody asks for a device. No call is made under a lock of this crate except
//! the exit gate, and none by a background thread or a destructor without that gate
//! (`os::exit::enter_driver`): a late call can crash a driver that is shutting down, so what would be
//! freed then is leaked to the end of the process instead.

mod copy;
mod device;
mod host_memory;

pub(crate) use copy::{enqueue_from_device, enqueue_from_host};
pub(crate) use device::Device;
pub(crate) use host_memory::CudaHostRegistration;

use cudarc::driver::{DriverError, result};

use crate::path::FallbackReason;

/// A driver error as a reason, with the call that it came from.
pub(crate) fn reason(call: &'static str, error: DriverError) -> FallbackReason {
    FallbackReason::Driver {
        call,
        code: error.0 as u32,
        name: name_of(error),
    }
}

/// The driver's name for an error, for instance `CUDA_ERROR_OUT_OF_MEMORY`.
pub(crate) fn name_of(error: DriverError) -> String {
    match error.error_name() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => String::from("unknown to this driver"),
    }
}

/// Runs driver code that may panic because an entry point is missing: cudarc looks each one up at its
/// first use and panics where the driver has none of that name.
fn without_missing_symbols<T>(call: impl FnOnce() -> T) -> Result<T, FallbackReason> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
    outcome.map_err(|panic| FallbackReason::DriverUnusable {
        detail: panic
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| String::from("a call into the driver panicked")),
    })
}

/// Whether an event that was recorded has been reached, without waiting.
///
/// # Errors
/// The driver's error: the context has failed, and it is unknown what the device still reads.
pub(crate) fn is_complete(event: &cudarc::driver::CudaEvent) -> Result<bool, DriverError> {
    use cudarc::driver::sys::cudaError_enum::CUDA_ERROR_NOT_READY;
    // SAFETY: the event is alive, as it is borrowed.
    match unsafe { result::event::query(event.cu_event()) } {
        Ok(()) => Ok(true),
        Err(DriverError(CUDA_ERROR_NOT_READY)) => Ok(false),
        Err(error) => Err(error),
    }
}
