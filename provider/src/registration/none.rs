//! No registration: every region is refused, with one reason.

use super::{HostRegion, HostRegistration};
use crate::reason::FallbackReason;

/// What a pinner registers with where there is no device.
///
/// ```
/// use zenoh_pinned::{FallbackReason, NoRegistration};
///
/// let registration = NoRegistration::because(FallbackReason::NoDriver);
/// ```
#[derive(Debug)]
pub struct NoRegistration {
    reason: FallbackReason,
}

impl NoRegistration {
    /// Refuses everything for this reason.
    pub fn because(reason: FallbackReason) -> Self {
        Self { reason }
    }
}

impl HostRegistration for NoRegistration {
    unsafe fn register(&self, _region: HostRegion) -> Result<(), FallbackReason> {
        Err(self.reason.clone())
    }

    unsafe fn unregister(&self, _region: HostRegion) -> Result<(), FallbackReason> {
        Err(self.reason.clone())
    }
}
