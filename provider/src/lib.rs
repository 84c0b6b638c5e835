#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// os, reason, interruption, environment / figures, trace / budget, reclaim, availability / segment / pool / registration /
// cuda / pinner / frame, client, surroundings / line, copy / observation.
mod availability;
#[doc(hidden)]
pub mod bindings;
mod budget;
mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
mod copy;
mod cuda;
mod environment;
mod figures;
mod frame;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod interruption;
mod line;
mod observation;
mod os;
mod pinner;
mod pool;
mod reason;
mod reclaim;
mod registration;
mod segment;
mod surroundings;
mod trace;

pub use availability::prepare_session;
pub use budget::{HostUsage, Pressure, ProcessUsage};
pub use client::{PinnedHostShmClient, install_shm_clients, shm_clients};
pub use copy::{CopyBack, CopyError, DeviceBuffer};
pub use cudarc;
pub use frame::{Frame, FrameError};
pub use pinner::{Pinner, PinnerBuilder, PinnerStatistics};
pub use pool::{
    AllocError, AllocFuture, Holders, PinnedHostShmProviderBackend, PinnedPool, PinnedPoolBuilder,
    PoolError, PoolStatistics, SegmentError, Slot, StillHeld,
};
pub use reason::{BudgetScope, DevicePath, FallbackReason};
pub use reclaim::{QuarantineReason, Quarantined, ReclaimPolicy};
pub use registration::{HostRegion, HostRegistration, NoRegistration};
pub use segment::AttachError;
