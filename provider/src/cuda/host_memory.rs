//! `cuMemHostRegister` behind the registration seam.

use std::sync::Arc;

use cudarc::driver::CudaContext;

use super::{
    Device, DriverError, Visit, entries::Entries, error::check, loss_of, note, visit::bind,
};
use crate::{
    reason::FallbackReason,
    registration::{HostRegion, HostRegistration},
};

/// `CU_MEMHOSTREGISTER_PORTABLE`: for every context of the process.
const PORTABLE: u32 = 1;

/// Registers with the CUDA driver, portably: every context of the process may copy from the memory.
#[derive(Debug)]
pub(crate) struct CudaHostRegistration {
    device: Device,
    supported: bool,
}

impl CudaHostRegistration {
    pub(crate) fn new(context: &Arc<CudaContext>) -> Self {
        let device = Device::kept(context.clone());
        Self {
            supported: device.can_register(),
            device,
        }
    }

    fn bind(&self) -> Result<&'static Entries, FallbackReason> {
        let context = self.device.context();
        if let Some(loss) = loss_of(context) {
            return Err(loss.into());
        }
        bind(context).map_err(|error| self.reason("cuCtxSetCurrent", error))
    }

    fn reason(&self, call: &'static str, error: DriverError) -> FallbackReason {
        match note(self.device.context(), error) {
            Some(loss) => loss.into(),
            None => error.reason(call),
        }
    }
}

impl HostRegistration for CudaHostRegistration {
    /// A portable registration serves every context of the process.
    fn sharing(&self) -> usize {
        0
    }

    fn lost(&self) -> Option<FallbackReason> {
        Some(loss_of(self.device.context())?.into())
    }

    unsafe fn register(&self, region: HostRegion) -> Result<(), FallbackReason> {
        if !self.supported {
            return Err(FallbackReason::Unsupported);
        }
        let _visit = Visit::begin();
        let entries = self.bind()?;
        let base = region.base.as_ptr().cast();
        // SAFETY: the caller keeps the region mapped until it is unregistered.
        let status = unsafe { (entries.host_register)(base, region.bytes, PORTABLE) };
        check(status).map_err(|error| match error {
            DriverError::NOT_SUPPORTED => FallbackReason::Unsupported,
            _ => self.reason("cuMemHostRegister", error),
        })
    }

    unsafe fn unregister(&self, region: HostRegion) -> Result<(), FallbackReason> {
        let _visit = Visit::begin();
        let entries = self.bind()?;
        // SAFETY: the caller says that the region is registered; the driver takes its base address.
        let status = unsafe { (entries.host_unregister)(region.base.as_ptr().cast()) };
        match check(status) {
            // Gone already, with a context that somebody has reset.
            Err(DriverError::NOT_REGISTERED) => Ok(()),
            outcome => outcome.map_err(|error| self.reason("cuMemHostUnregister", error)),
        }
    }
}
