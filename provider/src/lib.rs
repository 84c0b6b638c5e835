#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// os, reason, interruption, environment / budget, reclaim, availability / segment / pool / registration / cuda /
// pinner / frame, client / copy.
mod availability;
mod budget;
mod client;
mod copy;
mod cuda;
mod environment;
mod frame;
mod interruption;
mod os;
mod pinner;
mod pool;
mod reason;
mod reclaim;
mod registration;
mod segment;

pub use availability::{prepare_session, zenoh_is_inherited};
pub use budget::{HostUsage, Pressure, ProcessUsage};
/// What bindings and the crates above this one need; no part of the public interface.
#[doc(hidden)]
pub mod bindings {
    pub use crate::os::proc::{Look, Unseen, environment_of, processes};
}

pub use client::{PinnedHostShmClient, install_shm_clients, shm_clients};
pub use copy::{CopyBack, CopyError, DeviceBuffer};
pub use cudarc;
pub use environment::bytes_from_environment;
pub use frame::{Frame, FrameError};
pub use interruption::{interruptible, is_interrupted};
pub use pinner::{Pinner, PinnerBuilder, PinnerStatistics};
pub use pool::{
    AllocError, Holders, KeptPayload, PinnedHostShmProviderBackend, PinnedPool, PinnedPoolBuilder,
    PoolError, PoolStatistics, SegmentError, Slot, StillHeld,
};
pub use reason::{BudgetScope, DevicePath, FallbackReason};
pub use reclaim::{QuarantineReason, Quarantined, ReclaimPolicy};
pub use registration::{HostRegion, HostRegistration, NoRegistration};
pub use segment::AttachError;
