//! The consumer's side in one handle: its device, its registrations, its staging slots, its copies.

use std::{
    io,
    ptr::NonNull,
    sync::{Arc, Weak},
    time::Duration,
};

use cudarc::driver::{CudaContext, CudaStream};

use crate::{
    budget::{self, Budget, GivesBack, Pressure},
    copy::{CopyError, InFlight, Lease, Staging, enter_driver},
    cuda::{self, CudaHostRegistration, Device},
    os::{
        exit::DriverGate,
        process::{FileMappings, MadeHere},
    },
    path::FallbackReason,
    pool::PinnedPool,
    registration::{Found, HostRegistration, IdleRegistrations, NoRegistration, Registrar, Table},
    segment::Segment,
};

/// Registers the segments that frames arrive in and copies frames to a device. Cheap to clone, usable
/// from any thread.
///
/// Making one with a device is what says "this process copies to a device": it loads the CUDA driver and
/// creates a context if there is none yet. [`Pinner::host_only`] never touches CUDA. Without CUDA, or
/// without the device asked for, the pinner works all the same, its frames stay on the host, and
/// [`Pinner::reason`] says why.
///
/// The last clone to go (frames hold clones) waits some seconds at most for copies in flight and then
/// unregisters everything.
///
/// # When the context is lost
/// After a fault on the device, or when somebody destroys or resets the context, no copy can be made any more:
/// each attempt is [`CopyError::ContextLost`], without a call into the driver, and [`Pinner::lost`] tells.
/// Frames stay readable on the host, and new ones arrive. What copies in flight were reading stays held until
/// the process ends, because nobody can tell when the device stops reading: at most as many slots as copies
/// were in flight, counted in [`PinnerStatistics::holds_leaked`]. What was registered stays mapped as long.
/// Drop the pinner and everything else of the context (streams, device memory), then make a new pinner; the
/// CUDA driver gives a new context after some losses and none after others, until the process is restarted.
///
/// # In a forked child
/// A pinner with a device is its parent's: copies are [`CopyError::Forked`], nothing calls the driver, and
/// dropping it touches nothing. A new one with a device has [`FallbackReason::Forked`] as its reason.
#[derive(Clone, Debug)]
pub struct Pinner {
    shared: Arc<Shared>,
}

/// A pinner that is used while it is there, without keeping it.
#[derive(Clone, Debug)]
pub(crate) struct WeakPinner {
    shared: Weak<Shared>,
}

impl WeakPinner {
    pub(crate) fn upgrade(&self) -> Option<Pinner> {
        let shared = self.shared.upgrade()?;
        Some(Pinner { shared })
    }
}

#[derive(Debug)]
struct Shared {
    device: Result<Device, FallbackReason>,
    registrar: Option<Registrar>,
    // In this order they go, after `drop` has emptied them.
    in_flight: InFlight,
    table: Arc<Table>,
    /// Keeps the keeper looking after the table.
    _idle: Arc<IdleRegistrations>,
    staging: Arc<Staging>,
    budget: Arc<Budget>,
    made_here: MadeHere,
}

/// What a [`Pinner`] is made for.
#[derive(Clone, Debug)]
pub struct PinnerBuilder {
    target: Target,
    registration: Option<Arc<dyn HostRegistration>>,
    max_bytes: u64,
    max_host_bytes: Option<u64>,
    time_to_live: Duration,
    staging_slots: usize,
    staging_bytes: usize,
}

#[derive(Clone, Debug)]
enum Target {
    Host,
    Ordinal(usize),
    Context(Arc<CudaContext>),
}

impl Default for PinnerBuilder {
    fn default() -> Self {
        Self {
            target: Target::Host,
            registration: None,
            max_bytes: 1 << 30,
            max_host_bytes: None,
            time_to_live: Duration::from_secs(30),
            staging_slots: 3,
            staging_bytes: 8 << 20,
        }
    }
}

impl PinnerBuilder {
    /// Copies go to CUDA device `ordinal`, through its primary context.
    pub fn device(mut self, ordinal: usize) -> Self {
        self.target = Target::Ordinal(ordinal);
        self
    }

    /// Copies go to the device of a context that the application has.
    pub fn context(mut self, context: &Arc<CudaContext>) -> Self {
        self.target = Target::Context(context.clone());
        self
    }

    /// The most bytes that this pinner ever has registered, staging slots included; 1 GiB by default.
    /// All pinners of a process together never register more than half of the machine's memory.
    /// Frames of segments beyond it are staged or copied by the driver.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The most bytes that all processes of this user on this host may have registered, and may have in
    /// shared memory and staging, when this pinner registers more. By default what the environment variable
    /// `ZENOH_PINNED_HOST_BYTES` says, else half of the machine's memory; never more than all of it.
    pub fn max_host_bytes(mut self, bytes: u64) -> Self {
        self.max_host_bytes = Some(bytes);
        self
    }

    /// After what time a registration that no frame and no copy uses is given back; 30 seconds by default,
    /// half of that under [`Pressure::High`], a quarter under [`Pressure::Critical`], and after one second
    /// where a request would be refused otherwise. A frame that arrives later has its segment registered
    /// again. Staging slots stay: they carry the frames until then.
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// How many staging slots of how many bytes are made at the start, three of 8 MiB by default. They
    /// grow to the largest frame that needed one. Zero slots: no frame is staged.
    pub fn staging(mut self, slots: usize, bytes: usize) -> Self {
        self.staging_slots = slots;
        self.staging_bytes = bytes;
        self
    }

    /// Registers host memory by something else than the CUDA driver. Without a device nothing is
    /// registered.
    pub fn registration(mut self, registration: Arc<dyn HostRegistration>) -> Self {
        self.registration = Some(registration);
        self
    }

    /// Makes the pinner. It always succeeds; what is missing is in [`Pinner::reason`].
    pub fn build(self) -> Pinner {
        let device = match self.target {
            Target::Host => Err(FallbackReason::HostOnly),
            Target::Ordinal(ordinal) => Device::open(ordinal),
            Target::Context(context) => Device::of_context(context),
        };
        let registration = self.registration.unwrap_or_else(|| match &device {
            Ok(device) => Arc::new(CudaHostRegistration::new(device.context())),
            Err(reason) => Arc::new(NoRegistration::because(reason.clone())),
        });
        FileMappings::prepare();
        let budget = Budget::new(self.max_bytes, budget::host_limit(self.max_host_bytes));
        let staging = Staging::new(self.staging_slots, self.staging_bytes);
        let mut device = device;
        let registrar = match &device {
            Err(reason) => {
                tracing::info!(%reason, "frames stay on the host");
                None
            }
            Ok(_) => match Registrar::start(registration, budget.clone()) {
                Ok(registrar) => {
                    if self.staging_slots > 0 && self.staging_bytes > 0 {
                        registrar.prepare_staging(&staging, self.staging_bytes);
                    }
                    Some(registrar)
                }
                Err(error) => {
                    device = Err(FallbackReason::DriverUnusable {
                        detail: format!("no thread for registering: {error}"),
                    });
                    None
                }
            },
        };
        let table = Arc::new(Table::default());
        let idle = Arc::new(IdleRegistrations {
            table: table.clone(),
            time_to_live: self.time_to_live,
            host_limit: budget.host_limit(),
        });
        if registrar.is_some() {
            let idle: Arc<dyn GivesBack> = idle.clone();
            budget::watch(Arc::downgrade(&idle));
        }
        Pinner {
            shared: Arc::new(Shared {
                device,
                registrar,
                in_flight: InFlight::default(),
                table,
                _idle: idle,
                staging,
                budget,
                made_here: MadeHere::now(),
            }),
        }
    }
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
    /// quarter of a second old. [`crate::HostUsage`] says who uses how much.
    pub pressure: Pressure,
}

impl Pinner {
    /// A builder; without a device it makes a host-only pinner.
    pub fn builder() -> PinnerBuilder {
        PinnerBuilder::default()
    }

    /// A pinner that never touches CUDA.
    pub fn host_only() -> Self {
        Self::builder().build()
    }

    /// The context that copies go to; `None` without a device.
    pub fn context(&self) -> Option<&Arc<CudaContext>> {
        self.shared.device.as_ref().ok().map(Device::context)
    }

    /// The device's name as the driver gives it; `None` without a device, and in a forked child.
    pub fn device_name(&self) -> Option<String> {
        if !self.shared.made_here.holds() {
            return None;
        }
        self.context()?.name().ok()
    }

    /// Why there is no device; `None` where there is one.
    pub fn reason(&self) -> Option<&FallbackReason> {
        self.shared.device.as_ref().err()
    }

    /// Why the context is lost, so that no copy can be made any more; `None` where nothing says so. Found out by
    /// the first call into the driver that fails.
    pub fn lost(&self) -> Option<FallbackReason> {
        let loss = cuda::loss_of(self.context()?)?;
        Some(loss.into())
    }

    /// Why no frame of this pinner can be copied, if so.
    pub(crate) fn cannot_copy(&self) -> Option<FallbackReason> {
        let device = self.shared.device.as_ref();
        match device {
            Err(reason) => Some(reason.clone()),
            Ok(_) if !self.shared.made_here.holds() => Some(FallbackReason::Forked),
            Ok(_) => self.lost(),
        }
    }

    /// Permission to make a copy on this stream, for as long as it is kept.
    pub(crate) fn enter(&self, stream: &CudaStream) -> Result<DriverGate, CopyError> {
        match self.cannot_copy() {
            None => {}
            Some(FallbackReason::Forked) => return Err(CopyError::Forked),
            Some(FallbackReason::ContextLost { code, name }) => {
                return Err(CopyError::ContextLost { code, name });
            }
            Some(reason) => return Err(CopyError::NoDevice { reason }),
        }
        // It may be another context than the pinner's.
        match cuda::loss_of(stream.context()) {
            Some(loss) => Err(loss.into()),
            None => enter_driver(),
        }
    }

    /// Does some work with the device and leaves the calling thread with the CUDA context that was current
    /// before: for libraries that other users of CUDA call in the same thread.
    pub fn keeping_current_context<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.shared.device {
            Ok(_) if self.shared.made_here.holds() => cuda::keeping_current(work),
            _ => work(),
        }
    }

    /// Registered bytes and copies in flight at this moment.
    pub fn statistics(&self) -> PinnerStatistics {
        let (copies_in_flight, holds_leaked) = self.shared.in_flight.counts();
        PinnerStatistics {
            registered_bytes: self.shared.budget.used(),
            copies_in_flight,
            holds_leaked,
            pressure: budget::pressure(self.shared.budget.host_limit()),
        }
    }

    /// Has the segments of a pool of this process registered, in the background, for copies from the
    /// device into its slots. A consumer's segments need no such call. A registration that was given back
    /// because it idled comes back with the next copy.
    pub fn register_pool(&self, pool: &PinnedPool) {
        for segment in pool.segments() {
            self.segment_attached(&segment);
        }
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

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child has neither the threads nor the driver; its copies of what they own stay.
            std::mem::forget((
                self.registrar.take(),
                std::mem::take(&mut self.in_flight),
                self.table.clone(),
                self.staging.clone(),
                self.budget.clone(),
            ));
            return;
        }
        // First nobody adds a registration, then no copy uses one, then they go.
        if let Some(registrar) = &self.registrar {
            registrar.stop();
        }
        self.in_flight.close();
        self.table.clear();
        self.staging.clear();
    }
}
