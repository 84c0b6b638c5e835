//! One registration a segment and process: pinners share it.
//!
//! The driver refuses to register pages twice, and a registration made portably serves every context, so
//! the first pinner that needs a segment registers it and the last one that lets go of it unregisters.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use super::{HostRegistration, Registration};
use crate::{
    os::{file::Identity, mutex, per_process::PerProcess},
    reason::FallbackReason,
    segment::Segment,
};

/// A segment's registration.
pub(crate) type SegmentRegistration = Arc<Registration<Arc<Segment>>>;

/// Which file, registered by whom: all pinners with the CUDA driver are one, others are each their own.
type Key = (Identity, usize);

type RegistrationPlace = Arc<Mutex<Weak<Registration<Arc<Segment>>>>>;

static PLACES: PerProcess<Mutex<HashMap<Key, RegistrationPlace>>> = PerProcess::new(Mutex::default);

/// The registration of the file: the one that there is, or else the one that `make` makes. Only registrars call this;
/// those that want the same file wait here for each other, as they would in the driver.
pub(super) fn get_or_make(
    identity: Identity,
    registration: &Arc<dyn HostRegistration>,
    make: impl FnOnce() -> Result<Registration<Arc<Segment>>, FallbackReason>,
) -> Result<SegmentRegistration, FallbackReason> {
    let place = place_of((identity, registration.sharing()));
    let mut shared = mutex::lock(&place);
    // One that is lost may be held for ever by a copy that nobody knows the end of.
    if let Some(registration) = shared.upgrade()
        && registration.lost().is_none()
    {
        return Ok(registration);
    }
    let registration = Arc::new(make()?);
    *shared = Arc::downgrade(&registration);
    Ok(registration)
}

fn place_of(key: Key) -> RegistrationPlace {
    let mut places = PLACES.lock();
    // Keeps those that somebody uses, and those whose registration is still there.
    places.retain(|_, place| {
        let in_use = |place: &RegistrationPlace| match place.try_lock() {
            Ok(registration) => registration.strong_count() > 0,
            Err(_) => true,
        };
        Arc::strong_count(place) > 1 || in_use(place)
    });
    places.entry(key).or_default().clone()
}
