//! Publishing slots.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pyo3::{exceptions::PyValueError, prelude::*, types::PyTuple};
use zenoh::bytes::ZBytes;
use zenoh_pinned::PinnedPool;
use zenoh_pinned_node::pubsub::{PinnedPublisher, PinnedPublisherBuilder};

use super::lines::LineToSubscriber;
use crate::{
    errors,
    frame::Frame,
    open::Open,
    pool, signals,
    sizes::{Sizes, seconds},
    slot::{Keeper, Slot},
    view::imported::Imported,
};

/// The native part of `zenoh_pinned.Publisher`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Publisher {
    publisher: Open<Arc<PinnedPublisher>>,
    pool: PinnedPool,
    /// How long a put waits for subscribers that refuse to lose frames, where the caller does not say.
    wait: Duration,
}

impl Publisher {
    pub(super) fn declare(
        terms: PinnedPublisherBuilder,
        session: &zenoh::Session,
        key: &str,
        pool: PinnedPool,
        wait: Duration,
    ) -> PyResult<Self> {
        let publisher = terms.declare_with_pool(session, key, pool.clone());
        let publisher = Arc::new(publisher.map_err(errors::publisher)?);
        Ok(Self {
            wait,
            publisher: Open::new(publisher, "the publisher is closed: declare another one"),
            pool,
        })
    }
}

#[pymethods]
impl Publisher {
    #[pyo3(signature = (shape, dtype, timeout))]
    fn allocate(
        &self,
        py: Python<'_>,
        shape: Sizes,
        dtype: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Slot> {
        self.publisher.get()?;
        pool::allocate(py, &self.pool, &shape, dtype, timeout)
    }

    /// Publishes a slot that nobody writes any more.
    fn put_slot(
        &self,
        py: Python<'_>,
        slot: &Bound<'_, Slot>,
        attachment: Option<Vec<u8>>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let publisher = self.publisher.get()?;
        let wait = timeout.map_or(Ok(self.wait), seconds)?;
        let slot = slot.get();
        let kept = slot.take_of_pool()?.into_kept();
        let payload = kept.payload();
        slot.keep_for_views(Keeper::Sent(kept));
        let attachment = attachment.map(ZBytes::from);
        let put = || publisher.put_payload_within(payload, attachment, wait);
        signals::interruptible(py, put)?.map_err(errors::put)
    }

    /// Publishes a frame in shared memory as it lies, and anything else by one copy.
    fn put(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        attachment: Option<Vec<u8>>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let payload = match data.cast::<Frame>() {
            Ok(frame) => frame.get().shared_payload()?,
            Err(_) => None,
        };
        let Some(payload) = payload else {
            return self.put_copy(py, data, attachment, timeout);
        };
        let publisher = self.publisher.get()?;
        let wait = timeout.map_or(Ok(self.wait), seconds)?;
        let attachment = attachment.map(ZBytes::from);
        let put = || publisher.put_payload_within(payload, attachment, wait);
        signals::interruptible(py, put)?.map_err(errors::put)
    }

    /// Copies an array into a slot and publishes it.
    fn put_copy(
        &self,
        py: Python<'_>,
        array: &Bound<'_, PyAny>,
        attachment: Option<Vec<u8>>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let publisher = self.publisher.get()?;
        let imported = Imported::of(array)?;
        let bytes = imported.as_ref().len();
        if bytes == 0 {
            return Err(PyValueError::new_err(
                "an empty array has nothing to publish",
            ));
        }
        let timeout = timeout.map(seconds).transpose()?;
        let attachment = attachment.map(ZBytes::from);
        signals::interruptible(py, || {
            let started = Instant::now();
            let slot = match timeout {
                Some(timeout) => self.pool.alloc_timeout(bytes, timeout),
                None => self.pool.alloc(bytes),
            };
            let mut slot = slot.map_err(errors::alloc)?;
            slot.copy_from_slice(imported.as_ref());
            // One wait for both, a slot and room at the subscribers.
            let wait = timeout.map_or(self.wait, |timeout| {
                timeout.saturating_sub(started.elapsed())
            });
            publisher
                .put_payload_within(slot.into_shm(), attachment, wait)
                .map_err(errors::put)
        })?
    }

    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let publisher = self.publisher.get()?;
        let lines = py.detach(|| publisher.lines());
        PyTuple::new(py, lines.into_iter().map(LineToSubscriber::of))
    }

    fn close(&self, py: Python<'_>) {
        let publisher = self.publisher.take();
        py.detach(|| drop(publisher));
    }
}
