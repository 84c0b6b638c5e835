#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod attachment;
mod budget;
mod client;
mod copy;
mod cuda;
mod environment;
mod frame;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod interruption;
mod os;
mod path;
mod pinner;
mod pool;
mod reclaim;
mod registration;
mod segment;
mod session;

pub use budget::{BudgetScope, HostUsage, Pressure, ProcessUsage};
pub use client::{PinnedHostShmClient, install_shm_clients, shm_clients};
pub use copy::{CopyBack, CopyError, DeviceBuffer};
pub use cudarc;
pub use environment::bytes_from_environment;
pub use frame::{Frame, FrameError};
pub use interruption::{interruptible, is_interrupted};
pub use path::{DevicePath, FallbackReason};
pub use pinner::{Pinner, PinnerBuilder, PinnerStatistics};
pub use pool::{
    AllocError, Holders, KeptPayload, PinnedHostShmProviderBackend, PinnedPool, PinnedPoolBuilder,
    PoolError, PoolStatistics, SegmentError, Slot, StillHeld,
};
pub use reclaim::{QuarantineReason, Quarantined, ReclaimPolicy};
pub use registration::{HostRegion, HostRegistration, NoRegistration};
pub use segment::AttachError;
pub use session::{prepare_session, zenoh_is_inherited};
