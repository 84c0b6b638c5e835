//! What a pinner is made for, and making it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cudarc::driver::{CudaContext, sys::CUcontext};

use super::{Pinner, SharedPinner};
use crate::{
    budget::{self, Budget, GivesBack},
    cuda::{CudaHostRegistration, Device, InFlight},
    os::{mappings::FileMappings, per_process::MadeHere},
    reason::FallbackReason,
    registration::{
        HostRegistration, IdleRegistrations, NoRegistration, Registrar, Staging, Table,
    },
};

/// What a [`Pinner`] is made for.
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned::Pinner;
///
/// let pinner = Pinner::builder()
///     .device(0)
///     .max_bytes(256 << 20) // of registered memory
///     .max_host_bytes(4 << 30) // of all processes of this user
///     .staging(2, 8 << 20)
///     .time_to_live(Duration::from_secs(60))
///     .build(); // never fails
/// ```
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
    NoContext(FallbackReason),
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

    /// As [`PinnerBuilder::context`], by the handle of a context that another library or language has made. It is never
    /// destroyed here. What is wrong with it is [`Pinner::reason`](super::Pinner::reason).
    ///
    /// ```
    /// use zenoh_pinned::Pinner;
    ///
    /// // SAFETY: null is no context, and refused.
    /// let pinner = unsafe { Pinner::builder().context_handle(std::ptr::null_mut()) }.build();
    /// assert!(pinner.reason().is_some());
    /// ```
    ///
    /// # Safety
    /// The handle is null, or of a context that stays until the pinner, its frames and its copies have gone.
    pub unsafe fn context_handle(mut self, context: CUcontext) -> Self {
        // SAFETY: as the caller promises.
        self.target = match unsafe { Device::context_of_handle(context) } {
            Ok(context) => Target::Context(context),
            Err(reason) => Target::NoContext(reason),
        };
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
    /// `ZENOH_PINNED_HOST_BYTES` says (bytes, or with the suffix KiB, MiB or GiB), else half of the machine's memory;
    /// never more than all of it.
    pub fn max_host_bytes(mut self, bytes: u64) -> Self {
        self.max_host_bytes = Some(bytes);
        self
    }

    /// After what time a registration that no frame and no copy uses is given back; 30 seconds by default,
    /// half of that under [`Pressure::High`](crate::Pressure::High), a quarter under [`Pressure::Critical`](crate::Pressure::Critical), and after one second
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
    ///
    /// ```
    /// use std::sync::Arc;
    /// use zenoh_pinned::{FallbackReason, NoRegistration, Pinner};
    ///
    /// let refuses = NoRegistration::because(FallbackReason::Unsupported);
    /// let pinner = Pinner::builder().device(0).registration(Arc::new(refuses)).build();
    /// ```
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
            Target::NoContext(reason) => Err(reason),
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
        let in_flight = InFlight::default();
        in_flight.show();
        budget::ensure_keeper();
        Pinner {
            shared: Arc::new(SharedPinner {
                device,
                registrar,
                in_flight,
                table,
                _idle: idle,
                staging,
                budget,
                clients: Mutex::default(),
                made_here: MadeHere::now(),
            }),
        }
    }
}
