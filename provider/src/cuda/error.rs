//! What the driver says when a call fails.

use std::ffi::CStr;

use super::entries::{Status, check, entries};
use crate::reason::FallbackReason;

/// A status that is not success: any number, also one that no header has a name for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DriverError(pub(crate) Status);

impl DriverError {
    pub(super) const NOT_INITIALIZED: Self = Self(3);
    pub(super) const NO_DEVICE: Self = Self(100);
    pub(crate) const INVALID_HANDLE: Self = Self(400);
    pub(super) const NOT_SUPPORTED: Self = Self(801);
    pub(super) const NOT_READY: Self = Self(600);
    pub(super) const NOT_REGISTERED: Self = Self(713);
    pub(super) const CAPTURE_IMPLICIT: Self = Self(906);
    pub(crate) const CONTEXT_DESTROYED: Self = Self(709);

    /// Whether somebody's stream capture is in the way: the call may be made again when that has ended.
    pub(crate) fn is_of_capture(self) -> bool {
        is_of_capture(self.0)
    }

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

/// The codes of the CUDA driver API that begin with `CUDA_ERROR_STREAM_CAPTURE_` or speak of a captured event.
pub(crate) fn is_of_capture(code: Status) -> bool {
    matches!(code, 900..=908)
}

impl From<cudarc::driver::DriverError> for DriverError {
    fn from(error: cudarc::driver::DriverError) -> Self {
        Self(error.0 as Status)
    }
}
