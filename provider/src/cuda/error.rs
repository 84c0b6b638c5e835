//! What the driver says when a call fails.

use cudarc::driver::{CudaContext, DriverError as OfCudarc, sys::CUresult};

/// A number that the driver answers with; see `CUresult` in the CUDA driver API.
pub(super) type Status = u32;

/// A status that is not success: any number, also one that no header has a name for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DriverError(pub(crate) Status);

impl DriverError {
    pub(super) const NOT_INITIALIZED: Self = Self(3);
    pub(super) const NO_DEVICE: Self = Self(100);
    pub(super) const INVALID_CONTEXT: Self = Self(201);
    pub(crate) const INVALID_HANDLE: Self = Self(400);
    pub(super) const NOT_SUPPORTED: Self = Self(801);
    pub(super) const NOT_READY: Self = Self(600);
    pub(super) const NOT_REGISTERED: Self = Self(713);
    pub(super) const CAPTURE_IMPLICIT: Self = Self(906);
    pub(crate) const CONTEXT_DESTROYED: Self = Self(709);

    /// Whether somebody's stream capture is in the way: the call may be made again when that has ended. These are the
    /// codes that begin with `CUDA_ERROR_STREAM_CAPTURE_` or speak of a captured event.
    pub(crate) fn is_of_capture(self) -> bool {
        matches!(self.0, 900..=908)
    }
}

impl From<OfCudarc> for DriverError {
    fn from(error: OfCudarc) -> Self {
        Self(error.0 as Status)
    }
}

/// A status as a result.
pub(super) fn check(status: Status) -> Result<(), DriverError> {
    match status {
        0 => Ok(()),
        code => Err(DriverError(code)),
    }
}

/// Leaves an error in the context for cudarc's next call there to report, as cudarc does with what it cannot return.
pub(crate) fn leave_invalid_value(context: &CudaContext) {
    let error = OfCudarc(CUresult::CUDA_ERROR_INVALID_VALUE);
    context.record_err::<()>(Err(error));
}
