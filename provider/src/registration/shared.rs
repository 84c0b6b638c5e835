//! One registration a segment and process: pinners share it.
//!
//! The driver refuses to register pages twice, and a registration made portably serves every context, so
//! the first pinner that needs a segment registers it and the last one that lets go of it unregisters.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use super::{HostRegistration, Registration};
use crate::{os::file::Identity, path::FallbackReason, segment::Segment};

/// A segment's registration.
pub(crate) type SegmentRegistration = Arc<Registration<Arc<Segment>>>;

/// Which file, registered by whom: all pinners with the CUDA driver are one, others are each their own.
type Key = (Identity, usize);

type Registrations = HashMap<Key, Weak<Registration<Arc<Segment>>>>;

static REGISTRATIONS: LazyLock<Mutex<Registrations>> = LazyLock::new(Mutex::default);

/// The registration of the file that is there, or the one that `make` makes. Only registrars call this;
/// they wait here for each other, as they would in the driver.
pub(super) fn get_or_make(
    identity: Identity,
    registration: &Arc<dyn HostRegistration>,
    make: impl FnOnce() -> Result<Registration<Arc<Segment>>, FallbackReason>,
) -> Result<SegmentRegistration, FallbackReason> {
    let key = (identity, registration.sharing());
    let mut registrations = REGISTRATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(registration) = registrations.get(&key).and_then(Weak::upgrade) {
        return Ok(registration);
    }
    registrations.retain(|_, registration| registration.strong_count() > 0);
    let registration = Arc::new(make()?);
    registrations.insert(key, Arc::downgrade(&registration));
    Ok(registration)
}
