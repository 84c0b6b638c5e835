//! The one door to CUDA.
//!
//! Everything that calls the driver in this crate goes through here, in cudarc's terms: opening a device
//! (which loads the driver library and retains the primary context), registering host memory, enqueueing
//! copies, and the rule for calls that the user did not make.
//!
//! Nothing is loaded until somebody asks for a device. No call is made under a lock of this crate except
//! the exit gate and, for a registration, the mutex of that one segment; and none by a background thread or a destructor without that gate
//! (`os::exit::enter_driver`): a late call can crash a driver that is shutting down, so what would be
//! freed then is leaked to the end of the process instead. A context that an error has shown to be lost is
//! left alone (`lost`), and a forked child never gets this far (`os::exit`).

mod copy;
mod device;
mod event;
mod host_memory;
mod lost;

pub(crate) use copy::{enqueue_from_device, enqueue_from_host};
pub(crate) use device::Device;
pub(crate) use event::Event;
pub(crate) use host_memory::CudaHostRegistration;
pub(crate) use lost::{Loss, loss_of, note};

use cudarc::driver::{CudaContext, CudaStream, DriverError, result};

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

/// Makes the context current for the calling thread.
///
/// Unlike cudarc's `bind_to_thread` this leaves the errors alone that other calls have put into the
/// context: they belong to whoever made those calls.
fn bind(context: &CudaContext) -> Result<(), DriverError> {
    if result::ctx::get_current()? != Some(context.cu_ctx()) {
        // SAFETY: the context is alive, as it is borrowed.
        unsafe { result::ctx::set_current(context.cu_ctx()) }?;
    }
    Ok(())
}

/// Waits until everything enqueued on the stream has executed.
pub(crate) fn synchronize(stream: &CudaStream) -> Result<(), DriverError> {
    bind(stream.context())?;
    // SAFETY: the stream is alive, as it is borrowed.
    unsafe { result::stream::synchronize(stream.cu_stream()) }
}

/// Makes what is enqueued on `stream` from now on wait for what is enqueued on `other` so far.
pub(crate) fn wait_for(stream: &CudaStream, other: &CudaStream) -> Result<(), DriverError> {
    Event::record(other)?.is_awaited_by(stream)
}

/// Waits until everything enqueued in the context so far has executed.
pub(crate) fn synchronize_context(context: &CudaContext) -> Result<(), DriverError> {
    bind(context)?;
    result::ctx::synchronize()
}

/// Whether it is the stream that all threads share and that waits for the blocking ones.
pub(crate) fn is_default(stream: &CudaStream) -> bool {
    // Null and one are the same stream (CU_STREAM_LEGACY).
    (stream.cu_stream() as usize) < 2
}

/// Does some work in a context and leaves the calling thread with the one that it had.
///
/// Call it in a process that has a driver.
pub(crate) fn keeping_current<T>(work: impl FnOnce() -> T) -> T {
    let before = result::ctx::get_current();
    let done = work();
    if let Ok(Some(before)) = before {
        // SAFETY: it was current, so it is a context, and whoever made it keeps it.
        let _ = unsafe { result::ctx::set_current(before) };
    }
    done
}
