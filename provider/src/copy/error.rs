//! Why a copy was not made.

use cudarc::driver::DriverError;

use crate::{cuda, path::FallbackReason};

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
    pub(crate) fn driver(call: &'static str, error: DriverError) -> Self {
        Self::Driver {
            call,
            code: error.0 as u32,
            name: cuda::name_of(error),
        }
    }

    pub(crate) fn allocation(bytes: usize, error: DriverError) -> Self {
        Self::DeviceAllocation {
            bytes,
            name: cuda::name_of(error),
        }
    }
}
