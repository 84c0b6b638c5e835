//! A pool: the segments of one provider, cut into slots, bounded in slots and bytes.
//!
//! Holds: zenoh's `ShmProvider` over [`PinnedHostShmProviderBackend`], which owns the slots; the
//! counters; how long an allocation waits; and who has the slots ([`Holders`]). Stands on `segment`, `reclaim`,
//! `budget` and `availability`, and knows of no device.
//!
//! Who may write what: slots go to one owner at a time, who may write until the chunk is published;
//! zenoh counts the references from then on, in its own metadata, and only its garbage collection
//! (safe mode: reference count zero) gives a chunk back.
//!
//! Locks: `Slots` has one mutex for its tables, held for a few table operations and never while a
//! segment is made, while garbage is collected or while waiting; growth has a mutex of its own so that
//! two allocations do not both add a segment. Those of `pending` are held while none of these is. zenoh's busy list has its own mutex, taken before ours
//! (its collection calls `free`), never after.
//!
//! Invariants:
//! - A slot is in the free list or allocated, never both; a `free` that does not name an allocated slot
//!   changes nothing (the descriptor was read back from shared memory).
//! - The bytes of all segments never exceed the bound given to the builder, and with those of all processes
//!   of the host never that of the host (`budget`); they are taken from it before the segment is made.
//! - A segment that is given back (`idle`) had no slot allocated, and was not the last of its size class.
//! - A provider outlives its pool while chunks of it are in use (`parked`).
//! - A full pool makes the caller wait, up to its deadline, and then fails with a typed error. Where the caller is a
//!   future, one thread of the pool waits for it (`pending`).
//!
//! `reclaim` takes back what killed consumers held; its note has the argument.

mod backend;
mod builder;
mod ending;
mod error;
mod full;
mod future;
mod holders;
mod idle;
pub(crate) mod kept;
mod metadata;
mod parked;
mod pending;
mod reclaimable;
mod shown;
mod shrinking;
mod slot;
mod slots;
mod statistics;
mod tables;
mod taking;
mod waiting;

use std::{
    collections::BTreeSet,
    mem::ManuallyDrop,
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh::{
    Wait,
    bytes::ZBytes,
    shm::{ShmProvider, ShmProviderBuilder},
};

pub use crate::segment::SegmentError;
pub use backend::PinnedHostShmProviderBackend;
pub use builder::PinnedPoolBuilder;
pub use error::{AllocError, PoolError, StillHeld};
pub use future::AllocFuture;
pub use holders::Holders;
pub use slot::{KeptPayload, Slot};
pub use statistics::PoolStatistics;

use crate::{
    budget,
    interruption::Interruption,
    os::{self, per_process::MadeHere},
    reason::FallbackReason,
    reclaim::{Quarantined, ReclaimableSlots},
    segment::Segment,
};
use parked::Parked;
use pending::Pending;
use slots::Slots;

/// Slots in shared memory for one producer; cheap to clone, usable from any thread.
///
/// A slot's bytes are those of an ordinary zenoh shared-memory buffer: any zenoh 1.10 subscriber of the
/// same user on the same host receives them without a copy, and one that uses [`Frame`](crate::Frame) can hand
/// them to its GPU with one DMA. Creating a pool never touches CUDA.
///
/// A forked child has no slots of its parent's pool: allocating is [`AllocError::Forked`], and dropping what it
/// has inherited (pool, slots, frames) gives nothing back. A pool that it makes itself, once its parent has used
/// zenoh's shared memory, has ordinary memory, with [`FallbackReason::Forked`] as the reason.
///
/// # Examples
/// ```
/// use zenoh_pinned::PinnedPool;
///
/// let pool = PinnedPool::builder().slots(4).slot_bytes(64 * 1024).build()?;
/// let mut slot = pool.alloc(640 * 10)?;
/// slot.fill(7);
/// let payload = slot.into_shm(); // hand this to `publisher.put(payload)`
/// assert_eq!(payload.len(), 6400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PinnedPool {
    shared: Arc<SharedPool>,
}

struct SharedPool {
    // In a `ManuallyDrop` because it outlives the pool while chunks of it are in use (`parked`).
    provider: ManuallyDrop<ShmProvider<PinnedHostShmProviderBackend>>,
    slots: Arc<Slots>,
    pending: Pending,
    wait: Duration,
    linger: Duration,
    reason: Option<FallbackReason>,
    made_here: MadeHere,
}

impl SharedPool {
    /// Takes back what consumers have released, also what readers of lines have read meanwhile.
    fn collect(&self) {
        kept::let_go();
        self.provider.garbage_collect();
    }
}

impl PinnedPool {
    /// A builder with the defaults: 8 slots of 1 MiB, allocations wait up to one second.
    ///
    /// ```
    /// let pool = zenoh_pinned::PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> PinnedPoolBuilder {
        PinnedPoolBuilder::default()
    }

    fn new(
        backend: PinnedHostShmProviderBackend,
        wait: Duration,
        linger: Duration,
        reason: Option<FallbackReason>,
    ) -> Self {
        let slots = backend.slots().clone();
        let provider = ShmProviderBuilder::backend(backend).wait();
        let shared = Arc::new(SharedPool {
            provider: ManuallyDrop::new(provider),
            slots,
            pending: Pending::default(),
            wait,
            linger,
            reason,
            made_here: MadeHere::now(),
        });
        ending::linger_for(Arc::downgrade(&shared));
        Self { shared }
    }

    /// A slot of `len` bytes, page-aligned; its contents are whatever an earlier frame left there.
    ///
    /// Waits for one to come free for as long as the builder's [`PinnedPoolBuilder::wait`] says. Blocks
    /// the calling thread meanwhile: async code has [`PinnedPool::alloc_async`].
    ///
    /// ```
    /// # use zenoh_pinned::{AllocError, PinnedPool};
    /// let pool = PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// let slot = pool.alloc(1000)?;
    /// assert_eq!((slot.len(), slot.as_ptr() as usize % 4096), (1000, 0));
    /// assert!(matches!(pool.alloc(5000), Err(AllocError::TooLarge { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AllocError::ZeroBytes`] and [`AllocError::TooLarge`] for sizes that no slot can ever hold,
    /// [`AllocError::TimedOut`] when every slot stayed in use for the whole wait, with who has them,
    /// [`AllocError::Truncated`] where another process has cut the pool's file,
    /// [`AllocError::Metadata`] where zenoh has no room to describe one more buffer,
    /// [`AllocError::Forked`] in a forked child.
    pub fn alloc(&self, len: usize) -> Result<Slot, AllocError> {
        self.alloc_timeout(len, self.shared.wait)
    }

    /// As [`PinnedPool::alloc`], without waiting for a consumer. A pool that may still grow does so first, which
    /// takes as long as reserving the memory.
    ///
    /// ```
    /// # use zenoh_pinned::{AllocError, PinnedPool};
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let slot = pool.try_alloc(1)?;
    /// assert!(matches!(pool.try_alloc(1), Err(AllocError::TimedOut { .. })));
    /// drop(slot);
    /// pool.try_alloc(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`PinnedPool::alloc`]; [`AllocError::TimedOut`] at once where no slot is free.
    pub fn try_alloc(&self, len: usize) -> Result<Slot, AllocError> {
        self.alloc_timeout(len, Duration::ZERO)
    }

    /// As [`PinnedPool::alloc`], waiting up to `timeout`.
    ///
    /// ```
    /// # use zenoh_pinned::PinnedPool;
    /// use std::time::Duration;
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let _held = pool.alloc(1)?;
    /// let error = pool.alloc_timeout(1, Duration::from_millis(1)).err();
    /// println!("{}", error.expect("the one slot is held")); // says who has it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`PinnedPool::alloc`].
    pub fn alloc_timeout(&self, len: usize, timeout: Duration) -> Result<Slot, AllocError> {
        match self.shared.class_for(len)? {
            Some(class) => self.hand_out(self.shared.take(class, len, timeout)?, len),
            None => Ok(Slot::private(len)),
        }
    }

    /// As [`PinnedPool::alloc`], as a future: for any executor, which it does not block, nor poll it for nothing. Where no
    /// slot is free, one thread of the pool waits for all its futures, while there are any, and gives them slots in the
    /// order in which they came.
    ///
    /// ```
    /// # use zenoh_pinned::{AllocError, PinnedPool};
    /// use std::{pin::pin, sync::Arc, task::{Context, Poll, Wake}, thread::{self, Thread}};
    ///
    /// // What an executor does, in short.
    /// struct Unpark(Thread);
    /// impl Wake for Unpark {
    ///     fn wake(self: Arc<Self>) {
    ///         self.0.unpark();
    ///     }
    /// }
    /// fn block_on<T>(future: impl Future<Output = T>) -> T {
    ///     let (mut future, waker) = (pin!(future), Arc::new(Unpark(thread::current())).into());
    ///     loop {
    ///         match future.as_mut().poll(&mut Context::from_waker(&waker)) {
    ///             Poll::Ready(value) => return value,
    ///             Poll::Pending => thread::park(),
    ///         }
    ///     }
    /// }
    ///
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let held = pool.alloc(1)?;
    /// let consumer = thread::spawn(move || drop(held));
    /// let slot = block_on(pool.alloc_async(1000))?;
    /// assert_eq!(slot.len(), 1000);
    /// # consumer.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`PinnedPool::alloc`], without [`AllocError::Interrupted`]: drop the future to end its wait.
    /// [`AllocError::NoThread`] where the thread could not be started.
    pub fn alloc_async(&self, len: usize) -> AllocFuture {
        self.alloc_timeout_async(len, self.shared.wait)
    }

    /// As [`PinnedPool::alloc_async`], waiting up to `timeout` from the first time that it is polled.
    ///
    /// # Errors
    /// As [`PinnedPool::alloc_async`].
    pub fn alloc_timeout_async(&self, len: usize, timeout: Duration) -> AllocFuture {
        AllocFuture::new(self.clone(), len, timeout)
    }

    /// Counters and sizes at this moment, after collecting what consumers have released. All zero in a
    /// forked child, which has no slots.
    ///
    /// ```
    /// # use zenoh_pinned::PinnedPool;
    /// let pool = PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// let _slot = pool.alloc(1)?;
    /// assert_eq!(pool.statistics().in_use, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn statistics(&self) -> PoolStatistics {
        if !self.shared.made_here.holds() {
            return PoolStatistics::default();
        }
        self.shared.collect();
        let mut statistics = self.shared.slots.statistics();
        statistics.pressure = budget::pressure(self.shared.slots.terms.host_limit);
        statistics
    }

    /// Gives free slots up for good, and their memory, until only `slots` are left; those in use stay. How many
    /// are left then, in use or free: where that is more than `slots`, call it again when consumers have let go
    /// of some.
    ///
    /// A pool that was not full may still add slots that it has never made ([`PinnedPoolBuilder::slots_per_segment`]);
    /// they count as left.
    ///
    /// ```
    /// # use zenoh_pinned::PinnedPool;
    /// let pool = PinnedPool::builder().slots(4).slot_bytes(4096).build()?;
    /// let _slot = pool.alloc(1)?;
    /// assert_eq!(pool.shrink_to(0), 1); // the one in use stays
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shrink_to(&self, slots: u32) -> u32 {
        match self.shared.made_here.holds() && self.shared.reason.is_none() {
            true => {
                self.shared.collect();
                self.shared.slots.shrink_to(slots)
            }
            false => slots,
        }
    }

    /// Why this pool's frames travel as ordinary bytes, not as shared memory; `None` where they do not.
    ///
    /// ```
    /// # let pool = zenoh_pinned::PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// match pool.reason() {
    ///     Some(reason) => println!("frames will be copied: {reason}"),
    ///     None => println!("frames travel in shared memory"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reason(&self) -> Option<&FallbackReason> {
        self.shared.reason.as_ref()
    }

    /// Slots that nobody confirms to hold and that are not taken back yet, with the reason: why the pool is
    /// smaller than it should be. Empty where no consumer has died or stands still.
    ///
    /// ```
    /// # let pool = zenoh_pinned::PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// for slots in pool.quarantine() {
    ///     println!("{slots:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn quarantine(&self) -> Vec<Quarantined> {
        self.shared.slots.quarantine().now()
    }

    /// Who has the slots that are in use at this moment, as far as it can be known; some files of `/proc` are read. Empty
    /// in a forked child.
    ///
    /// ```
    /// # let pool = zenoh_pinned::PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let _writing = pool.alloc(1)?;
    /// println!("{}", pool.holders());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn holders(&self) -> Holders {
        if !self.shared.made_here.holds() {
            return Holders::default();
        }
        self.shared.collect();
        self.shared.slots.holders(None, true)
    }

    /// Whether a payload begins in one of this pool's segments.
    #[doc(hidden)]
    pub fn owns(&self, payload: &ZBytes) -> bool {
        let first = payload.slices().next();
        first.is_some_and(|first| self.shared.slots.has(first.as_ptr()))
    }

    /// The segments there are.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        match self.shared.made_here.holds() {
            true => self.shared.slots.segments(None),
            false => Vec::new(),
        }
    }

    /// The other processes of this host that have every segment of this pool attached, by pid: zenoh takes a
    /// lock on a segment's file for as long as it has it mapped.
    ///
    /// A subscriber that receives this pool's frames and is not among them either receives copies or, where
    /// it may not lock the pages (RLIMIT_MEMLOCK, unmodified zenoh), silently nothing.
    ///
    /// ```
    /// # let pool = zenoh_pinned::PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// assert!(pool.attached_processes()?.is_empty()); // nobody has received from it yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `/proc/locks` could not be read.
    pub fn attached_processes(&self) -> std::io::Result<BTreeSet<u32>> {
        let segments = self.segments();
        let files: Vec<_> = segments.iter().map(|segment| segment.identity()).collect();
        let mut processes = os::locks::holders_of(&files)?;
        processes.remove(&std::process::id());
        Ok(processes)
    }

    /// Says that the pool's slots are never written again: this process, and whoever attaches them from now on, have them
    /// read-only. For memory that is loaded once and then read, such as weights. Whether this process has all so.
    ///
    /// # Safety
    /// Nobody writes a slot of this pool any more: none that is out, and none is allocated.
    #[doc(hidden)]
    pub unsafe fn seal(&self) -> bool {
        let segments = self.segments();
        // SAFETY: the caller says so.
        let open = segments.iter().filter(|segment| !unsafe { segment.seal() });
        open.count() == 0
    }

    /// Waits until nobody holds a slot of this pool any more: no consumer, nor this process.
    ///
    /// Frames that have been published arrive although the pool is dropped, and a process that exits waits
    /// for them ([`PinnedPoolBuilder::linger`]). Call this before a session is closed on which the last ones
    /// were put, or where half a second is not enough.
    ///
    /// ```
    /// # use zenoh_pinned::PinnedPool;
    /// use std::time::Duration;
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let payload = pool.alloc(1)?.into_shm();
    /// assert!(pool.drain(Duration::ZERO).is_err());
    /// drop(payload);
    /// pool.drain(Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StillHeld`] when `patience` has passed; who still holds slots is in it.
    pub fn drain(&self, patience: Duration) -> Result<(), StillHeld> {
        let started = Instant::now();
        let interruption = Interruption::of_this_wait();
        if !self.shared.made_here.holds() {
            // A forked child has no slots, and its parent's are not its to collect.
            return Ok(());
        }
        loop {
            self.shared.collect();
            if self.shared.slots.statistics().in_use == 0 {
                return Ok(());
            }
            if started.elapsed() >= patience || interruption.is_wanted() {
                let holders = self.shared.slots.holders(None, true);
                return Err(StillHeld {
                    slots: holders.slots(),
                    patience,
                    holders,
                });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for SharedPool {
    fn drop(&mut self) {
        // SAFETY: taken once, here, and not used again.
        let provider = unsafe { ManuallyDrop::take(&mut self.provider) };
        if !self.made_here.holds() {
            std::mem::forget((provider, std::mem::take(&mut self.pending)));
            return;
        }
        parked::park(Parked {
            provider,
            slots: self.slots.clone(),
            linger: self.linger,
        });
    }
}

impl std::fmt::Debug for PinnedPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PinnedPool")
            .field("statistics", &self.shared.slots.statistics())
            .finish_non_exhaustive()
    }
}
