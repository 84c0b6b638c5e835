//! The driver's entry points that this library calls itself, with statuses as plain numbers.
//!
//! cudarc turns each status into an enumeration of the header that it was built with. A driver that is newer than
//! that header answers with numbers the enumeration does not have, and such a value is undefined behaviour. So
//! whatever this library judges an error by goes through here. The library is the one that cudarc has opened, so
//! handles of both mean the same.

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    sync::OnceLock,
};

use cudarc::driver::sys::{self, CUcontext, CUdevice, CUdeviceptr, CUevent, CUstream};

use super::error::{DriverError, Status, check};
use crate::reason::FallbackReason;

pub(super) type Graph = *mut c_void;
pub(super) type UserObject = *mut c_void;

macro_rules! entries {
    ($($field:ident = $symbol:literal : fn($($argument:ty),* $(,)?)),* $(,)?) => {
        /// See the module's note; each is documented in the CUDA driver API under its own name.
        pub(super) struct Entries {
            $(pub(super) $field: unsafe extern "C" fn($($argument),*) -> Status,)*
        }

        impl Entries {
            fn load() -> Result<Self, String> {
                // SAFETY: opens the driver library by its well-known names, which is what a CUDA process does; the
                // caller knows that it is there.
                let library = unsafe { sys::culib() };
                Ok(Self {
                    $($field: {
                        // SAFETY: the driver exports a function of this name with this signature, or none.
                        let found = unsafe { library.get($symbol.as_bytes()) };
                        *found.map_err(|error| format!("{}: {error}", $symbol))?
                    },)*
                })
            }
        }
    };
}

entries! {
    context_current = "cuCtxGetCurrent": fn(*mut CUcontext),
    context_make_current = "cuCtxSetCurrent": fn(CUcontext),
    context_device = "cuCtxGetDevice": fn(*mut CUdevice),
    primary_state = "cuDevicePrimaryCtxGetState": fn(CUdevice, *mut c_uint, *mut c_int),
    thread_exchange_mode = "cuThreadExchangeStreamCaptureMode": fn(*mut c_uint),
    error_name = "cuGetErrorName": fn(Status, *mut *const c_char),
    event_create = "cuEventCreate": fn(*mut CUevent, c_uint),
    event_record = "cuEventRecord": fn(CUevent, CUstream),
    event_query = "cuEventQuery": fn(CUevent),
    event_synchronize = "cuEventSynchronize": fn(CUevent),
    event_destroy = "cuEventDestroy_v2": fn(CUevent),
    stream_create = "cuStreamCreate": fn(*mut CUstream, c_uint),
    stream_destroy = "cuStreamDestroy_v2": fn(CUstream),
    stream_synchronize = "cuStreamSynchronize": fn(CUstream),
    stream_wait = "cuStreamWaitEvent": fn(CUstream, CUevent, c_uint),
    stream_is_capturing = "cuStreamIsCapturing": fn(CUstream, *mut c_uint),
    stream_capture_info = "cuStreamGetCaptureInfo_v2": fn(CUstream, *mut c_uint, *mut u64, *mut Graph, *mut *const c_void, *mut usize),
    copy_to_device = "cuMemcpyHtoDAsync_v2": fn(CUdeviceptr, *const c_void, usize, CUstream),
    copy_to_host = "cuMemcpyDtoHAsync_v2": fn(*mut c_void, CUdeviceptr, usize, CUstream),
    memory_allocate = "cuMemAlloc_v2": fn(*mut CUdeviceptr, usize),
    memory_allocate_in_order = "cuMemAllocAsync": fn(*mut CUdeviceptr, usize, CUstream),
    memory_free = "cuMemFree_v2": fn(CUdeviceptr),
    memory_free_in_order = "cuMemFreeAsync": fn(CUdeviceptr, CUstream),
    host_register = "cuMemHostRegister_v2": fn(*mut c_void, usize, c_uint),
    host_unregister = "cuMemHostUnregister": fn(*mut c_void),
    user_object_create = "cuUserObjectCreate": fn(*mut UserObject, *mut c_void, Option<unsafe extern "C" fn(*mut c_void)>, c_uint, c_uint),
    user_object_release = "cuUserObjectRelease": fn(UserObject, c_uint),
    graph_retain = "cuGraphRetainUserObject": fn(Graph, UserObject, c_uint, c_int),
}

/// Addresses in a library that a forked child has mapped as well; no call of it gets past the exit gate.
static ENTRIES: OnceLock<Result<Entries, String>> = OnceLock::new();

/// Looks the entry points up, once.
///
/// # Errors
/// The driver is not installed, or too old: it lacks one.
pub(super) fn load() -> Result<&'static Entries, FallbackReason> {
    // SAFETY: opens the driver library by its well-known names, which is what a CUDA process does.
    if ENTRIES.get().is_none() && !unsafe { sys::is_culib_present() } {
        return Err(FallbackReason::NoDriver);
    }
    let loaded = ENTRIES.get_or_init(Entries::load).as_ref();
    loaded.map_err(|detail| FallbackReason::DriverUnusable {
        detail: detail.clone(),
    })
}

/// The entry points, where a device has been opened; without one nobody has anything to call.
pub(super) fn entries() -> Result<&'static Entries, DriverError> {
    match ENTRIES.get() {
        Some(Ok(entries)) => Ok(entries),
        _ => Err(DriverError::NOT_INITIALIZED),
    }
}

impl DriverError {
    /// The driver's name for it, for instance `CUDA_ERROR_OUT_OF_MEMORY`.
    pub(crate) fn name(self) -> String {
        let mut name = std::ptr::null();
        let found = entries().and_then(|entries| {
            // SAFETY: the place is this function's own; the driver answers with a static string.
            check(unsafe { (entries.error_name)(self.0, &raw mut name) })
        });
        match found {
            Ok(()) if !name.is_null() => {
                // SAFETY: a static string of the driver's.
                let name = unsafe { CStr::from_ptr(name) };
                name.to_string_lossy().into_owned()
            }
            _ => String::from("unknown to this driver"),
        }
    }

    /// As a reason, with the call that it came from.
    pub(crate) fn reason(self, call: &'static str) -> FallbackReason {
        FallbackReason::Driver {
            call,
            code: self.0,
            name: self.name(),
        }
    }
}
