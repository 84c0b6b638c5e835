//! `cuMemHostRegister` behind the registration seam.

use std::sync::Arc;

use cudarc::driver::{CudaContext, DriverError, sys};

use super::{Device, bind, loss_of, note, reason, without_missing_symbols};
use crate::{
    path::FallbackReason,
    registration::{HostRegion, HostRegistration},
};

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

    fn bind(&self) -> Result<(), FallbackReason> {
        let context = self.device.context();
        if let Some(loss) = loss_of(context) {
            return Err(loss.into());
        }
        bind(context).map_err(|error| self.reason("cuCtxSetCurrent", error))
    }

    fn reason(&self, call: &'static str, error: DriverError) -> FallbackReason {
        match note(self.device.context(), error) {
            Some(loss) => loss.into(),
            None => reason(call, error),
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
        without_missing_symbols(|| {
            self.bind()?;
            // SAFETY: the caller keeps the region mapped until it is unregistered.
            let code = unsafe {
                sys::cuMemHostRegister_v2(
                    region.base.as_ptr().cast(),
                    region.bytes,
                    sys::CU_MEMHOSTREGISTER_PORTABLE,
                )
            };
            code.result().map_err(|error| match error.0 {
                sys::cudaError_enum::CUDA_ERROR_NOT_SUPPORTED => FallbackReason::Unsupported,
                _ => self.reason("cuMemHostRegister", error),
            })
        })?
    }

    unsafe fn unregister(&self, region: HostRegion) -> Result<(), FallbackReason> {
        without_missing_symbols(|| {
            self.bind()?;
            // SAFETY: the caller says that the region is registered; the driver takes its base address.
            let code = unsafe { sys::cuMemHostUnregister(region.base.as_ptr().cast()) };
            match code.result() {
                // Gone already, with a context that somebody has reset.
                Err(DriverError(sys::cudaError_enum::CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED)) => {
                    Ok(())
                }
                outcome => outcome.map_err(|error| self.reason("cuMemHostUnregister", error)),
            }
        })?
    }
}
