//! A region of host memory and the seam to whoever makes it readable by a device.

use std::{mem::ManuallyDrop, ptr::NonNull, sync::Arc};

use crate::{
    budget::{Budget, Purpose, Reservation},
    os,
    reason::FallbackReason,
    segment::Segment,
};

/// Whole pages of this process's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRegion {
    /// The first address, page-aligned.
    pub base: NonNull<u8>,
    /// The length in bytes, whole pages.
    pub bytes: usize,
}

// SAFETY: an address and a length; what may be done with the memory is the business of its owner.
unsafe impl Send for HostRegion {}
// SAFETY: as above, and nothing can be changed through a shared reference.
unsafe impl Sync for HostRegion {}

/// Makes host memory readable by a device's DMA engine: the CUDA driver, nothing, or a test's own.
///
/// Each pinner calls `register` from one background thread of its own; `unregister` comes from any thread.
/// Specified by the CUDA driver API, `cuMemHostRegister` and `cuMemHostUnregister`.
///
/// ```
/// use zenoh_pinned::{FallbackReason, HostRegion, HostRegistration};
///
/// /// Asks an accelerator's own driver.
/// #[derive(Debug)]
/// struct Accelerator;
///
/// impl HostRegistration for Accelerator {
///     unsafe fn register(&self, region: HostRegion) -> Result<(), FallbackReason> {
///         println!("{} bytes at {:p}", region.bytes, region.base);
///         Ok(())
///     }
///
///     unsafe fn unregister(&self, _region: HostRegion) -> Result<(), FallbackReason> {
///         Ok(())
///     }
/// }
///
/// // What every implementation promises, as a test of it.
/// # #[cfg(feature = "conformance")]
/// zenoh_pinned::conformance::host_registration(&Accelerator);
/// ```
pub trait HostRegistration: Send + Sync + std::fmt::Debug {
    /// Registers the region.
    ///
    /// # Safety
    /// The region is mapped, overlaps no registered region, and stays mapped until it has been
    /// unregistered.
    ///
    /// # Errors
    /// Why the region cannot be registered; nothing is registered then.
    unsafe fn register(&self, region: HostRegion) -> Result<(), FallbackReason>;

    /// Undoes [`HostRegistration::register`].
    ///
    /// # Safety
    /// The region was registered by this value and has not been unregistered since; no copy from or to
    /// it is under way.
    ///
    /// # Errors
    /// Why the region may still be registered; it must then stay mapped for ever.
    unsafe fn unregister(&self, region: HostRegion) -> Result<(), FallbackReason>;

    /// Values that answer the same number share their registrations: what one has registered is not
    /// registered again by another. By default each value stands for itself.
    fn sharing(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Why what this has registered can be neither used nor unregistered any more, if so: its context has
    /// failed or was destroyed. The memory then stays mapped until the process ends, and whoever needs the
    /// segment registers it anew. By default that never happens.
    fn lost(&self) -> Option<FallbackReason> {
        None
    }
}

/// Memory that can be registered: it knows its pages and keeps them mapped while it lives.
pub(crate) trait RegisteredMemory: Send + Sync + std::fmt::Debug {
    fn region(&self) -> Option<HostRegion>;
    /// Brings the pages into the process's page table, where all of them are there.
    fn populate(&self) -> Result<(), FallbackReason>;
    /// What it counts as.
    fn purpose(&self) -> Purpose;
}

impl RegisteredMemory for Arc<Segment> {
    fn region(&self) -> Option<HostRegion> {
        region_of(self.range())
    }

    fn populate(&self) -> Result<(), FallbackReason> {
        if !self.reaches(self.bytes()) {
            let detail = String::from("its file has been truncated");
            return Err(FallbackReason::PagesMissing { detail });
        }
        populate(self.range())
    }

    fn purpose(&self) -> Purpose {
        Purpose::Registration
    }
}

impl RegisteredMemory for os::memory::MappedRange {
    fn region(&self) -> Option<HostRegion> {
        region_of(self)
    }

    fn populate(&self) -> Result<(), FallbackReason> {
        populate(self)
    }

    /// Private memory is only ever registered for staging.
    fn purpose(&self) -> Purpose {
        Purpose::Staging
    }
}

/// Registering pages that are not there would end in SIGBUS or an error of the driver that says less.
fn populate(range: &os::memory::MappedRange) -> Result<(), FallbackReason> {
    range
        .populate()
        .map_err(|error| FallbackReason::PagesMissing {
            detail: error.to_string(),
        })
}

/// A mapping extends to the end of its last page, so its whole pages are all there.
fn region_of(range: &os::memory::MappedRange) -> Option<HostRegion> {
    Some(HostRegion {
        base: range.base(),
        bytes: os::round_up_to_pages(range.bytes())?,
    })
}

/// Registered memory: unregistered, unmapped and given back to the budget when dropped.
#[derive(Debug)]
pub(crate) struct Registration<Memory: RegisteredMemory> {
    region: HostRegion,
    memory: ManuallyDrop<Memory>,
    reservation: ManuallyDrop<Reservation>,
    registered_by: ManuallyDrop<Arc<dyn HostRegistration>>,
}

impl<Memory: RegisteredMemory> Registration<Memory> {
    /// Takes the bytes from the budget, makes the pages present, then registers.
    pub(crate) fn make(
        memory: Memory,
        budget: &Arc<Budget>,
        registration: &Arc<dyn HostRegistration>,
    ) -> Result<Self, FallbackReason> {
        let region = memory
            .region()
            .ok_or_else(|| FallbackReason::NotAttachable {
                detail: String::from("its length is beyond the address space"),
            })?;
        let reservation = budget.reserve(memory.purpose(), region.bytes as u64)?;
        // Present pages are pinned several times faster than absent ones.
        memory.populate()?;
        let _gate = os::exit::enter_driver().ok_or(FallbackReason::Exiting)?;
        // SAFETY: the memory is owned by the value made here, which unregisters before it lets go.
        // Staging memory is a mapping of its own; a segment is registered once, by one mapping
        // (`shared`).
        unsafe { registration.register(region) }?;
        Ok(Self {
            region,
            memory: ManuallyDrop::new(memory),
            reservation: ManuallyDrop::new(reservation),
            registered_by: ManuallyDrop::new(registration.clone()),
        })
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Why the registration is of no use any more, if so.
    pub(crate) fn lost(&self) -> Option<FallbackReason> {
        self.registered_by.lost()
    }

    /// The first registered address.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.region.base
    }
}

impl<Memory: RegisteredMemory> Drop for Registration<Memory> {
    fn drop(&mut self) {
        let Some(gate) = os::exit::enter_driver() else {
            return;
        };
        // SAFETY: registered by `make`, unregistered once; copies hold an `Arc` of what owns this.
        if let Err(reason) = unsafe { self.registered_by.unregister(self.region) } {
            tracing::warn!(%reason, bytes = self.region.bytes, "memory stays registered, so it stays mapped");
            if self.registered_by.lost().is_some() {
                // Whoever holds a context may keep the driver from making the next one.
                // SAFETY: dropped once, here, and not used again.
                unsafe { ManuallyDrop::drop(&mut self.registered_by) };
            }
            return;
        }
        drop(gate);
        // SAFETY: each is dropped once, here, and not used again.
        unsafe {
            ManuallyDrop::drop(&mut self.memory);
            ManuallyDrop::drop(&mut self.reservation);
            ManuallyDrop::drop(&mut self.registered_by);
        }
    }
}
