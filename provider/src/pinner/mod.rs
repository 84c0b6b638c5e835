//! The consumer's side in one handle: its device, its registrations, its staging slots, its copies in flight.
//!
//! Stands on `cuda`, `registration` and `pool`. Where something is not possible it answers a reason; what a copy fails
//! with is the business of `copy`.

mod builder;
mod ending;

use std::{
    io,
    ptr::NonNull,
    sync::{Arc, Mutex, Weak},
};

use cudarc::driver::CudaContext;
use zenoh::shm::ShmClientStorage;

pub use builder::PinnerBuilder;
use ending::Ending;

use crate::{
    budget::{self, Budget, Pressure},
    cuda::{self, Device, InFlight},
    os::{file::Identity, mutex, per_process::MadeHere},
    pool::PinnedPool,
    reason::FallbackReason,
    registration::{Found, IdleRegistrations, Lease, Registrar, Staging, Table},
    segment::Segment,
};

/// Registers the segments that frames arrive in and copies frames to a device. Cheap to clone, usable
/// from any thread.
///
/// A process that makes one with a device copies to a device: this loads the CUDA driver and
/// creates a context if there is none yet. [`Pinner::host_only`] never touches CUDA. Without CUDA, or
/// without the device asked for, the pinner works all the same, its frames stay on the host, and
/// [`Pinner::reason`] says why.
///
/// The last clone to go (frames hold clones) waits some seconds at most for copies in flight and then
/// unregisters everything.
///
/// # When the context is lost
/// After a fault on the device, or when somebody destroys or resets the context, no copy can be made any more:
/// each attempt is [`CopyError::ContextLost`](crate::CopyError::ContextLost), without a call into the driver, and
/// [`Pinner::lost`] tells.
/// Frames stay readable on the host, and new ones arrive. What copies in flight were reading stays held until
/// the process ends, because nobody can tell when the device stops reading: at most as many slots as copies
/// were in flight, counted in [`PinnerStatistics::holds_leaked`]. What was registered stays mapped as long.
/// Drop the pinner and everything else of the context (streams, device memory), then make a new pinner; the
/// CUDA driver gives a new context after some losses and none after others, until the process is restarted.
///
/// # In a forked child
/// A pinner with a device is its parent's: copies are [`CopyError::Forked`](crate::CopyError::Forked), nothing calls the
/// driver, and dropping it touches nothing. A new one with a device has [`FallbackReason::Forked`] as its reason.
#[derive(Clone, Debug)]
pub struct Pinner {
    shared: Arc<SharedPinner>,
}

/// A pinner that is used while it is there, without keeping it.
#[derive(Clone, Debug)]
pub(crate) struct WeakPinner {
    shared: Weak<SharedPinner>,
}

impl WeakPinner {
    pub(crate) fn upgrade(&self) -> Option<Pinner> {
        let shared = self.shared.upgrade()?;
        Some(Pinner { shared })
    }
}

#[derive(Debug)]
struct SharedPinner {
    device: Result<Device, FallbackReason>,
    registrar: Option<Registrar>,
    in_flight: InFlight,
    table: Arc<Table>,
    /// Keeps the keeper looking after the table.
    _idle: Arc<IdleRegistrations>,
    staging: Arc<Staging>,
    budget: Arc<Budget>,
    /// What sessions and inboxes attach by, while one of them has it.
    clients: Mutex<Weak<ShmClientStorage>>,
    made_here: MadeHere,
}

/// What a pinner has and holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PinnerStatistics {
    /// Bytes that this pinner has registered, staging slots included. A segment that several pinners of
    /// the process share counts for the one that was first.
    pub registered_bytes: u64,
    /// Copies whose source is still held.
    pub copies_in_flight: usize,
    /// Holds that stay until the process ends because their context was lost or their copy did not end;
    /// counted in `copies_in_flight` too. Each keeps a slot of its producer from being used again for as
    /// long as this process lives.
    pub holds_leaked: usize,
    /// How near all processes of this user on this host are to the pinner's limit of the host; at most a
    /// quarter of a second old. [`HostUsage`](crate::HostUsage) says who uses how much.
    pub pressure: Pressure,
}

impl Pinner {
    /// A builder; without a device it makes a host-only pinner.
    ///
    /// ```
    /// let pinner = zenoh_pinned::Pinner::builder().device(0).build();
    /// if let Some(reason) = pinner.reason() {
    ///     println!("frames stay on the host: {reason}");
    /// }
    /// ```
    pub fn builder() -> PinnerBuilder {
        PinnerBuilder::default()
    }

    /// A pinner that never touches CUDA.
    ///
    /// ```
    /// use zenoh_pinned::{FallbackReason, Pinner};
    ///
    /// assert_eq!(Pinner::host_only().reason(), Some(&FallbackReason::HostOnly));
    /// ```
    pub fn host_only() -> Self {
        Self::builder().build()
    }

    /// The context that copies go to; `None` without a device.
    pub fn context(&self) -> Option<&Arc<CudaContext>> {
        self.device().ok().map(Device::context)
    }

    /// The device's name as the driver gives it; `None` without a device, and in a forked child.
    pub fn device_name(&self) -> Option<String> {
        if !self.shared.made_here.holds() {
            return None;
        }
        self.device().ok()?.name()
    }

    /// The device, or why there is none.
    pub(crate) fn device(&self) -> Result<&Device, &FallbackReason> {
        self.shared.device.as_ref()
    }

    /// Why there is no device; `None` where there is one.
    pub fn reason(&self) -> Option<&FallbackReason> {
        self.device().err()
    }

    /// Why the context is lost, so that no copy can be made any more; `None` where nothing says so. Found out by
    /// the first call into the driver that fails.
    pub fn lost(&self) -> Option<FallbackReason> {
        let loss = cuda::loss_of(self.context()?)?;
        Some(loss.into())
    }

    /// Why no frame of this pinner can be copied, if so.
    pub(crate) fn cannot_copy(&self) -> Option<FallbackReason> {
        match self.device() {
            Err(reason) => Some(reason.clone()),
            Ok(_) if !self.shared.made_here.holds() => Some(FallbackReason::Forked),
            Ok(_) => self.lost(),
        }
    }

    /// Registered bytes and copies in flight at this moment.
    ///
    /// ```
    /// let statistics = zenoh_pinned::Pinner::host_only().statistics();
    /// assert_eq!((statistics.registered_bytes, statistics.copies_in_flight), (0, 0));
    /// ```
    pub fn statistics(&self) -> PinnerStatistics {
        let (copies_in_flight, holds_leaked) = self.shared.in_flight.counts();
        PinnerStatistics {
            registered_bytes: self.shared.budget.used(),
            copies_in_flight,
            holds_leaked,
            pressure: budget::pressure(self.shared.budget.host_limit()),
        }
    }

    /// Registers the segments of a pool of this process, in the background, for copies from the
    /// device into its slots. A consumer's segments need no such call. A registration that was given back
    /// because it idled comes back with the next copy.
    ///
    /// ```
    /// use zenoh_pinned::{PinnedPool, Pinner};
    ///
    /// let pinner = Pinner::builder().device(0).build();
    /// let pool = PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// pinner.register_pool(&pool); // then `Slot::copy_from_device`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register_pool(&self, pool: &PinnedPool) {
        for segment in pool.segments() {
            self.segment_attached(&segment);
        }
    }

    /// The client storage that all sessions and inboxes with this pinner share, so that a segment is mapped once: a frame in
    /// a second mapping is found only by asking the kernel.
    pub(crate) fn clients(
        &self,
        make: impl FnOnce() -> Arc<ShmClientStorage>,
    ) -> Arc<ShmClientStorage> {
        if !self.shared.made_here.holds() {
            return make();
        }
        let mut clients = mutex::lock(&self.shared.clients);
        if let Some(clients) = clients.upgrade() {
            return clients;
        }
        let made = make();
        *clients = Arc::downgrade(&made);
        made
    }

    pub(crate) fn downgrade(&self) -> WeakPinner {
        WeakPinner {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Takes note of a mapping of ours, and has its segment registered if it is new.
    pub(crate) fn segment_attached(&self, segment: &Arc<Segment>) {
        if !self.shared.made_here.holds() {
            return;
        }
        if let Some(entry) = self.shared.table.add_attached(segment)
            && let Some(registrar) = &self.shared.registrar
        {
            registrar.register(entry, segment.base());
        }
    }

    /// Forgets a segment that nothing uses any more; `false` where a frame or a copy still does.
    pub(crate) fn let_go(&self, identity: Identity) -> bool {
        self.shared.table.let_go(identity)
    }

    /// The segment that the bytes lie in; one that is seen for the first time is registered.
    pub(crate) fn find(&self, address: NonNull<u8>, bytes: usize) -> io::Result<Option<Found>> {
        if !self.shared.made_here.holds() {
            // Threads of the parent may have been at the table, and they are not here to leave it.
            return Table::default().find(address, bytes);
        }
        let found = self.shared.table.find(address, bytes)?;
        if let Some(found) = &found
            && found.is_new
            && let Some(registrar) = &self.shared.registrar
        {
            registrar.register(found.entry.clone(), address);
        }
        Ok(found)
    }

    pub(crate) fn can_stage(&self) -> bool {
        self.shared.staging.exists()
    }

    pub(crate) fn lease_staging(&self, bytes: usize) -> Lease {
        let lease = self.shared.staging.lease(bytes);
        if let Lease::Unavailable { make: true, .. } = &lease
            && let Some(registrar) = &self.shared.registrar
        {
            registrar.prepare_staging(&self.shared.staging, bytes);
        }
        lease
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.shared.in_flight
    }
}

impl Drop for SharedPinner {
    fn drop(&mut self) {
        let ending = Ending {
            registrar: self.registrar.take(),
            in_flight: std::mem::take(&mut self.in_flight),
            table: self.table.clone(),
            staging: self.staging.clone(),
        };
        match self.made_here.holds() {
            true => ending.begin(),
            // A forked child has neither the threads nor the driver; its copies of what they own stay.
            false => std::mem::forget((ending, self.budget.clone())),
        }
    }
}
