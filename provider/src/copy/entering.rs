//! Permission to call the driver for a copy, and for what else a pinner's user asks of its device.

use std::sync::Arc;

use cudarc::driver::CudaStream;

use super::CopyError;
use crate::{
    cuda::{self, Capturing, Visit},
    os,
    pinner::Pinner,
    reason::FallbackReason,
};

/// Permission to call the driver on behalf of the user, for as long as it is kept. The calling thread is left as it
/// was found.
pub(super) struct Entered {
    _visit: Visit,
    _gate: os::exit::DriverGate,
}

pub(super) fn enter_driver() -> Result<Entered, CopyError> {
    if os::exit::driver_is_inherited() {
        return Err(CopyError::Forked);
    }
    let gate = os::exit::enter_driver().ok_or(CopyError::NoDevice {
        reason: FallbackReason::Exiting,
    })?;
    Ok(Entered {
        _visit: Visit::begin(),
        _gate: gate,
    })
}

/// Where the stream puts what is enqueued on it at this moment.
pub(super) fn capturing(stream: &CudaStream) -> Result<Capturing, CopyError> {
    let asked = cuda::capturing(stream);
    let failed = |error| CopyError::driver("cuStreamIsCapturing", error, stream.context());
    match asked.map_err(failed)? {
        Capturing::Blocked => Err(CopyError::Capturing {
            why: "and it is the default stream, which cannot be used until then: name another stream",
        }),
        answer => Ok(answer),
    }
}

/// Refuses a stream that is being captured.
pub(super) fn refuse_captured(stream: &CudaStream, why: &'static str) -> Result<(), CopyError> {
    match capturing(stream)? {
        Capturing::No => Ok(()),
        _ => Err(CopyError::Capturing { why }),
    }
}

impl Pinner {
    /// Permission to make a copy on this stream, for as long as it is kept.
    pub(super) fn enter(&self, stream: &CudaStream) -> Result<Entered, CopyError> {
        match self.cannot_copy() {
            None => {}
            Some(FallbackReason::Forked) => return Err(CopyError::Forked),
            Some(FallbackReason::ContextLost { code, name }) => {
                return Err(CopyError::ContextLost { code, name });
            }
            Some(reason) => return Err(CopyError::NoDevice { reason }),
        }
        // It may be another context than the pinner's.
        match cuda::loss_of(stream.context()) {
            Some(loss) => Err(loss.into()),
            None => enter_driver(),
        }
    }

    /// A new stream of the pinner's context, which waits for no other one and lives as long as the process.
    ///
    /// For libraries that other users of CUDA call: unlike `CudaContext::new_stream` it waits for nothing, so that it
    /// disturbs no stream capture, and leaves the calling thread's context as it was.
    ///
    /// ```
    /// use zenoh_pinned::{CopyError, Pinner};
    ///
    /// let pinner = Pinner::host_only();
    /// assert!(matches!(pinner.new_stream(), Err(CopyError::NoDevice { .. })));
    /// ```
    ///
    /// # Errors
    /// [`CopyError`]: there is no device, or the driver refused.
    pub fn new_stream(&self) -> Result<Arc<CudaStream>, CopyError> {
        let device = self.device().map_err(|reason| CopyError::NoDevice {
            reason: reason.clone(),
        })?;
        let _entered = enter_driver()?;
        let made = device.new_stream();
        made.map_err(|error| CopyError::driver("cuStreamCreate", error, device.context()))
    }
}
