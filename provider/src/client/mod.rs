//! zenoh's side of a consumer: attaching segments without locking their pages, and letting go of them (`attachment`).
//! Stands on `pinner`.

use std::sync::Arc;

use zenoh::shm::{ProtocolID, SegmentID, ShmClient, ShmClientStorage, ShmSegment, WithProtocolID};

mod attachment;

use crate::{
    pinner::{Pinner, WeakPinner},
    segment::POSIX_PROTOCOL_ID,
};
use attachment::Attachment;

/// Attaches any segment of zenoh's POSIX protocol, from unmodified producers too.
///
/// Unlike zenoh's own client it does not `mlock` the mapping (which fails under the usual limit of
/// 8 MiB), and it checks that a chunk lies inside its segment. Attaching never fails because of CUDA: the
/// registration, if a [`Pinner`] is given, happens later and on another thread.
///
/// A segment stays mapped while anything of it is held here, and until its producer has been dead for some seconds;
/// zenoh's own client keeps it for as long as its `ShmClientStorage` lives.
///
/// ```
/// use std::sync::Arc;
/// use zenoh::shm::{ShmClient, ShmClientStorage};
/// use zenoh_pinned::{PinnedHostShmClient, Pinner};
///
/// let pinner = Pinner::builder().device(0).build();
/// let client: Arc<dyn ShmClient> = Arc::new(PinnedHostShmClient::with_pinner(&pinner));
/// let clients = ShmClientStorage::builder().with_clients(&[client]).build();
/// // For `zenoh::open(config).with_shm_clients(Arc::new(clients))`.
/// ```
#[derive(Debug)]
pub struct PinnedHostShmClient {
    // Weak: zenoh's own threads may keep the client for a while after its session was closed, and
    // registrations have to go with the application's pinner, not at some time during its exit.
    pinner: Option<WeakPinner>,
    _descriptors_are_watched: Arc<()>,
}

impl Default for PinnedHostShmClient {
    fn default() -> Self {
        Self::made(None)
    }
}

impl PinnedHostShmClient {
    /// A client that only attaches.
    pub fn new() -> Self {
        Self::default()
    }

    fn made(pinner: Option<WeakPinner>) -> Self {
        let watched = Arc::new(());
        attachment::watch_descriptors(&watched);
        Self {
            pinner,
            _descriptors_are_watched: watched,
        }
    }

    /// A client that also has every segment registered by `pinner`, in the background, for as long as
    /// `pinner` or a clone of it is there.
    pub fn with_pinner(pinner: &Pinner) -> Self {
        Self::made(Some(pinner.downgrade()))
    }
}

impl WithProtocolID for PinnedHostShmClient {
    fn id(&self) -> ProtocolID {
        POSIX_PROTOCOL_ID
    }
}

impl ShmClient for PinnedHostShmClient {
    fn attach(&self, segment: SegmentID) -> zenoh::Result<Arc<dyn ShmSegment>> {
        Ok(Attachment::new(segment, self.pinner.clone())?)
    }
}

/// The client storage for `zenoh::open(config).with_shm_clients(..)`: attaches without locking pages, and
/// has each segment registered by `pinner` in the background.
///
/// All calls with one pinner give one storage, for as long as somebody has it: then each segment is mapped once. The
/// storage does not keep `pinner`: keep it for as long as frames arrive.
///
/// ```no_run
/// use zenoh::Wait;
/// use zenoh_pinned::{Pinner, prepare_session, shm_clients};
///
/// let pinner = Pinner::builder().device(0).build();
/// let mut config = zenoh::Config::default();
/// prepare_session(&mut config);
/// let session = zenoh::open(config).with_shm_clients(shm_clients(&pinner)).wait()?;
/// # Ok::<(), zenoh::Error>(())
/// ```
pub fn shm_clients(pinner: &Pinner) -> Arc<ShmClientStorage> {
    pinner.clients(|| {
        let client: Arc<dyn ShmClient> = Arc::new(PinnedHostShmClient::with_pinner(pinner));
        Arc::new(ShmClientStorage::builder().with_clients(&[client]).build())
    })
}

/// Makes [`shm_clients`] those of every session that this process opens from now on without naming its own,
/// also sessions that other libraries open, for instance the one inside a dora node.
///
/// Reaches sessions of the same statically linked copy of zenoh only. As with [`shm_clients`], keep `pinner`.
///
/// ```
/// use zenoh_pinned::{Pinner, install_shm_clients};
///
/// let pinner = Pinner::builder().device(0).build(); // kept for as long as frames arrive
/// install_shm_clients(&pinner);
/// // From here on, for instance: `dora_node_api::DoraNode::init_from_env()`.
/// ```
pub fn install_shm_clients(pinner: &Pinner) {
    *zenoh::shm::GLOBAL_CLIENT_STORAGE.write() = shm_clients(pinner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_pinner_maps_a_segment_once_and_what_does_not_has_clients_of_its_own() {
        let (pinner, other) = (Pinner::host_only(), Pinner::host_only());
        let first = shm_clients(&pinner);
        assert!(Arc::ptr_eq(&first, &shm_clients(&pinner.clone())));
        assert!(!Arc::ptr_eq(&first, &shm_clients(&other)));
        let known = Arc::downgrade(&first);
        drop(first);
        assert!(known.upgrade().is_none(), "the pinner keeps none");
    }
}
