//! Why a copy was not made.

use std::sync::Arc;

use cudarc::driver::CudaContext;

use crate::{
    cuda::{self, DriverError, Loss},
    reason::FallbackReason,
};

/// Why a copy to or from a device failed. The frame or slot is unharmed and can be used again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The pinner has no device, so its frames stay on the host: read the bytes there.
    #[error("there is no device to copy to: {reason}; the frame's bytes are readable on the host")]
    NoDevice {
        /// Why there is none.
        reason: FallbackReason,
    },
    /// The frame has no bytes, and a device has no memory of zero bytes.
    #[error("an empty frame has nothing to copy: check is_empty() first")]
    Empty,
    /// Source and destination differ in length.
    #[error("{source_bytes} bytes do not fit a destination of {destination_bytes} bytes")]
    Length {
        /// Bytes of the source.
        source_bytes: usize,
        /// Bytes of the destination.
        destination_bytes: usize,
    },
    /// The device has no memory left for the frame.
    #[error(
        "the device could not allocate {bytes} bytes ({name}): free device memory, or reuse a buffer with copy_into"
    )]
    DeviceAllocation {
        /// Bytes asked for.
        bytes: usize,
        /// The driver's name for the error.
        name: String,
    },
    /// The CUDA context has failed, or somebody destroyed or reset it: no copy can be made in it any more,
    /// and none is tried. What was in flight stays held ([`PinnerStatistics::holds_leaked`](crate::PinnerStatistics::holds_leaked)).
    #[error(
        "the CUDA context is lost (CUDA error {code}, {name}): frames stay readable on the host; drop the pinner, its streams and its device memory and make a new pinner; where that fails too, restart the process"
    )]
    ContextLost {
        /// The numeric `CUresult` of the call that told.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// The stream is being captured into a graph, and what was asked for cannot be a part of one.
    #[error("the stream is being captured into a CUDA graph, {why}")]
    Capturing {
        /// What cannot be, and what can.
        why: &'static str,
    },
    /// This process was forked from the one that has the device.
    #[error(
        "this process was forked from the one that uses the device, and CUDA does not work across a fork: start processes with exec (Python: the start methods 'spawn' and 'forkserver'), or fork before the first pinner with a device"
    )]
    Forked,
    /// The driver refused or failed the copy.
    #[error("{call} failed with CUDA error {code} ({name})")]
    Driver {
        /// The driver's entry point.
        call: &'static str,
        /// The numeric `CUresult`.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
}

impl CopyError {
    /// # Errors
    /// [`CopyError::Length`] where the two differ.
    pub(super) fn check_lengths(source_bytes: usize, destination_bytes: usize) -> Result<(), Self> {
        match source_bytes == destination_bytes {
            true => Ok(()),
            false => Err(Self::Length {
                source_bytes,
                destination_bytes,
            }),
        }
    }

    /// For the error of a call in this context.
    pub(super) fn driver(
        call: &'static str,
        error: DriverError,
        context: &Arc<CudaContext>,
    ) -> Self {
        if let Some(loss) = cuda::note(context, error) {
            return loss.into();
        }
        Self::Driver {
            call,
            code: error.0,
            name: error.name(),
        }
    }

    pub(super) fn allocation(bytes: usize, error: DriverError, context: &Arc<CudaContext>) -> Self {
        if let Some(loss) = cuda::note(context, error) {
            return loss.into();
        }
        Self::DeviceAllocation {
            bytes,
            name: error.name(),
        }
    }
}

impl From<Loss> for CopyError {
    fn from(Loss { code, name, .. }: Loss) -> Self {
        Self::ContextLost { code, name }
    }
}
