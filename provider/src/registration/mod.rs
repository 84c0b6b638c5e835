//! Registration: telling the device driver which pages of this process it may read by DMA. Stands on `segment` and
//! `budget`; the driver is behind a seam, which `cuda` fills.
//!
//! Holds: the seam to whoever registers ([`HostRegistration`]); the table of segments that frames were
//! seen in; the registrar, a thread that does the slow work; [`Registration`], which owns a registered region
//! together with the memory it covers and its share of the budget; and the staging slots (`staging`).
//!
//! Who may write what: the receive thread and the frames' readers add entries to the table and ask the
//! registrar; only the registrar settles an entry, once. A settled entry never changes; one that failed
//! for a passing reason is replaced by a new one after a second, and one that nothing has used for its
//! time to live is forgotten by the keeper (`idle`, `budget`), or sooner where memory runs short.
//!
//! Locks: the table has a read-write lock, held for look-ups and insertions only; no driver or system
//! call is made under it. Each shared registration has a mutex that only registrars take, and keep while the driver
//! registers. Staging has a mutex, held for list operations. Across processes the registration of one segment is
//! serialised by a lock on its file (`os::registration_lock`), taken by the registrar only.
//!
//! Invariants:
//! - Registering never happens on the thread that attaches or receives.
//! - One registration a segment and process, which pinners share (`shared`); a segment has one entry in
//!   a pinner's table, whatever addresses it is mapped at, and chunks lie inside it, so no copy spans two
//!   registrations.
//! - The memory stays mapped for as long as it is registered: what cannot be unregistered is leaked.
//! - A registration whose context is lost is neither used nor shared nor unregistered.
//! - Bytes are taken from the budget, of the pinner, the process and the host, before the driver is asked.
//! - A registration is given back only while nobody but the table has its entry: frames, copies in flight
//!   and the registrar's jobs each have a reference.
//!
//! Knowingly weak: a shared registration is counted in the budget of the pinner that made it, until the last one
//! lets go.
//!
//! Specified by the CUDA driver API, `cuMemHostRegister`.

mod idle;
mod none;
mod region;
mod registrar;
mod shared;
mod staging;
mod table;

pub(crate) use idle::IdleRegistrations;
pub use none::NoRegistration;
pub(crate) use region::Registration;
pub use region::{HostRegion, HostRegistration};
pub(crate) use registrar::Registrar;
pub(crate) use shared::SegmentRegistration;
pub(crate) use staging::{Lease, Staging, StagingLease};
pub(crate) use table::{Entry, Found, Table};
