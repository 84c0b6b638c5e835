//! A pool of slots, and its counters: of an application on zenoh, or of a dora node's outputs.
//!
//! Who may write what: the crate below, which has all the locks.

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh_pinned::PinnedPool;

use crate::{
    element::Element,
    errors,
    process::MadeIn,
    reason::Reason,
    shape::count,
    signals,
    sizes::{Sizes, amount, seconds, tuple},
    slot::Slot,
    words,
};

/// Page-aligned slots in shared memory, bounded in number and bytes.
///
/// `slots` slots of `slot_bytes` bytes are made at once. `max_bytes` is the most shared memory that the pool may
/// have. `wait` is for how many seconds a publisher waits for a slot while all are in use. Publishers may share a
/// pool, and any thread may use it.
///
/// Raise ``ValueError`` for sizes that cannot be, `OverBudget` where they exceed `max_bytes`, what this user's
/// processes may have, or the memory cgroup (the container's limit), and ``OSError`` where ``/dev/shm`` has no room,
/// with what to do.
///
///     >>> import zenoh_pinned
///     >>> pool = zenoh_pinned.Pool(slot_bytes=65536, slots=4)
///     >>> pool.statistics().bytes >= 4 * 65536
///     True
///     >>> pool.quarantine()
///     []
#[pyclass(frozen, module = "zenoh_pinned")]
pub(crate) struct Pool {
    pool: PinnedPool,
    made_in: MadeIn,
}

#[pymethods]
impl Pool {
    #[new]
    #[pyo3(signature = (slot_bytes, slots = 8, *, max_bytes = None, wait = 1.0, name = "python"))]
    fn new(
        py: Python<'_>,
        slot_bytes: i128,
        slots: i128,
        max_bytes: Option<i128>,
        wait: f64,
        name: &str,
    ) -> PyResult<Self> {
        let mut builder = PinnedPool::builder()
            .slots(amount("slots", slots)?)
            .slot_bytes(amount("slot_bytes", slot_bytes)?)
            .wait(seconds(wait)?)
            .name(name);
        if let Some(bytes) = max_bytes {
            builder = builder.max_bytes(amount("max_bytes", bytes)?);
        }
        let pool = py.detach(|| builder.build()).map_err(errors::pool)?;
        Ok(Self {
            pool,
            made_in: MadeIn::this_process(),
        })
    }

    /// Return what the pool has done so far.
    fn statistics(&self) -> PoolStatistics {
        PoolStatistics::of(&self.pool.statistics())
    }

    /// Return why slots stay in use because of processes that have died or stand still.
    fn quarantine(&self) -> Vec<String> {
        let quarantine = self.pool.quarantine();
        quarantine
            .iter()
            .map(|quarantined| words::in_python(&quarantined.to_string()))
            .collect()
    }

    /// Why the pool has ordinary memory instead of shared memory; `None` where it has shared memory.
    #[getter]
    fn reason(&self) -> Option<Reason> {
        self.pool.reason().cloned().map(Reason::of)
    }

    /// Wait until nobody holds a slot any more, neither consumers nor this process.
    ///
    /// Raise ``TimeoutError`` where some are still held after `timeout` seconds, and say by whom.
    fn drain(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.made_in.check()?;
        let patience = seconds(timeout)?;
        signals::interruptible(py, || self.pool.drain(patience))?.map_err(errors::still_held)
    }
}

impl Pool {
    pub(crate) fn pool(&self) -> &PinnedPool {
        &self.pool
    }
}

/// A slot of a pool.
pub(crate) fn allocate(
    py: Python<'_>,
    pool: &PinnedPool,
    shape: &Sizes,
    dtype: &Bound<'_, PyAny>,
    timeout: Option<f64>,
) -> PyResult<Slot> {
    let timeout = timeout.map(seconds).transpose()?;
    allocate_by(py, shape, dtype, |bytes| {
        let slot = match timeout {
            Some(timeout) => pool.alloc_timeout(bytes, timeout),
            None => pool.alloc(bytes),
        };
        slot.map_err(errors::alloc)
    })
}

/// A slot for an array, which `alloc` gives for so many bytes, detached from the interpreter.
pub(crate) fn allocate_by(
    py: Python<'_>,
    shape: &Sizes,
    dtype: &Bound<'_, PyAny>,
    alloc: impl FnOnce(usize) -> PyResult<zenoh_pinned::Slot> + Send,
) -> PyResult<Slot> {
    let element = Element::of_dtype(dtype)?;
    let shape = shape.exact()?;
    let bytes = count(&shape)
        .and_then(|count| count.checked_mul(element.bytes))
        .filter(|bytes| *bytes > 0);
    let bytes = bytes.ok_or_else(|| {
        PyValueError::new_err(format!(
            "an array of shape {} has no elements, or too many",
            tuple(&shape)
        ))
    })?;
    let slot = signals::interruptible(py, || alloc(bytes))??;
    Ok(Slot::of_pool(slot, element, shape))
}

/// Counters and sizes of a pool at a moment.
///
///     >>> import zenoh_pinned
///     >>> statistics = zenoh_pinned.Pool(slot_bytes=4096, slots=2).statistics()
///     >>> statistics.slots, statistics.slot_bytes, statistics.in_use
///     (2, 4096, 0)
#[pyclass(frozen, get_all, module = "zenoh_pinned")]
pub(crate) struct PoolStatistics {
    /// Slots that the pool may have.
    slots: u32,
    /// Bytes of a slot.
    slot_bytes: usize,
    /// Slots that are being written, on their way, or held by a consumer.
    in_use: u32,
    /// Bytes of shared memory.
    bytes: u64,
    /// Slots handed out.
    allocations: u64,
    /// Allocations that had to wait.
    waits: u64,
    /// Allocations that failed because no slot came free in time.
    timeouts: u64,
    /// Seconds spent waiting, over all allocations.
    waited: f64,
    /// Slots taken back from consumers that had died.
    reclaimed: u64,
    /// Slots in use because of a process that has died or stands still.
    quarantined: u32,
    /// How near all processes of this user on this host are to their limit.
    ///
    /// One of ``"low"``, ``"normal"``, ``"high"`` and ``"critical"``.
    pressure: String,
}

impl PoolStatistics {
    pub(crate) fn of(statistics: &zenoh_pinned::PoolStatistics) -> Self {
        Self {
            slots: statistics.slots,
            slot_bytes: statistics.slot_bytes,
            in_use: statistics.in_use,
            bytes: statistics.bytes,
            allocations: statistics.allocations,
            waits: statistics.waits,
            timeouts: statistics.timeouts,
            waited: statistics.waited.as_secs_f64(),
            reclaimed: statistics.reclaimed,
            quarantined: statistics.quarantined,
            pressure: statistics.pressure.to_string(),
        }
    }
}

#[pymethods]
impl PoolStatistics {
    fn __repr__(&self) -> String {
        format!(
            "<PoolStatistics {} slots of {} bytes, {} in use, {} allocations, {} waits, {} timeouts>",
            self.slots, self.slot_bytes, self.in_use, self.allocations, self.waits, self.timeouts
        )
    }
}
