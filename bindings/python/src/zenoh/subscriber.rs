//! Receiving frames.

use std::{
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use pyo3::{
    exceptions::{PyConnectionError, PyOSError},
    prelude::*,
};
use rustix::event::{EventfdFlags, eventfd};
use zenoh_pinned_node::pubsub::{FrameSubscriber, ReceiveError, ReceivedFrame};

use super::seconds;
use crate::{
    device::{Target, pinners},
    errors,
    frame::{Beside, Frame},
    process::MadeIn,
};

/// The native part of `zenoh_pinned.Subscriber`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Subscriber {
    subscriber: Mutex<Option<Arc<FrameSubscriber>>>,
    target: Target,
    /// Readable when something has changed, for event loops.
    changed: Arc<OwnedFd>,
    made_in: MadeIn,
}

impl Subscriber {
    pub(super) fn declare(
        session: &zenoh::Session,
        key: &str,
        capacity: usize,
        target: Target,
    ) -> PyResult<Self> {
        let changed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let changed = Arc::new(changed.map_err(|error| PyOSError::new_err(error.to_string()))?);
        let announced = changed.clone();
        let subscriber = FrameSubscriber::builder(&pinners::get(target))
            .capacity(capacity)
            .on_change(move || {
                // A counter that is full is readable already.
                let _ = rustix::io::write(&*announced, &1u64.to_ne_bytes());
            })
            .declare(session, key)
            .map_err(errors::zenoh)?;
        Ok(Self {
            subscriber: Mutex::new(Some(Arc::new(subscriber))),
            target,
            changed,
            made_in: MadeIn::this_process(),
        })
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<FrameSubscriber>>> {
        self.subscriber
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> PyResult<Arc<FrameSubscriber>> {
        self.made_in.check()?;
        let subscriber = self.slot().clone();
        subscriber.ok_or_else(|| {
            PyConnectionError::new_err("the subscriber is closed: declare another one")
        })
    }

    fn object(&self, py: Python<'_>, received: ReceivedFrame) -> PyResult<Py<PyAny>> {
        let beside = Beside {
            key: Some(received.key.to_string()),
            attachment: received
                .attachment
                .map(|bytes| bytes.to_bytes().into_owned()),
            timestamp: received
                .timestamp
                .map(|time| DateTime::<Utc>::from(time.get_time().to_system_time())),
        };
        Frame::received(received.frame, self.target, beside).into_object(py)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let subscriber = self.slot().take();
        self.made_in.drop_here(subscriber);
    }
}

#[pymethods]
impl Subscriber {
    /// The next frame, or `None` where none came in time.
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        let subscriber = self.open()?;
        let timeout = timeout.map(seconds).transpose()?;
        // In pieces, so that signals of the process are handled while it waits.
        let piece = std::time::Duration::from_millis(100);
        let until = timeout.map(|timeout| std::time::Instant::now() + timeout);
        loop {
            let left =
                until.map(|until| until.saturating_duration_since(std::time::Instant::now()));
            let wait = left.map_or(piece, |left| left.min(piece));
            match py.detach(|| subscriber.recv_timeout(wait)) {
                Ok(received) => return self.object(py, received).map(Some),
                Err(ReceiveError::TimedOut(_)) if left.is_none_or(|left| !left.is_zero()) => {
                    py.check_signals()?;
                    self.open()?;
                }
                Err(error) => return errors::receive(error).map_or(Ok(None), Err),
            }
        }
    }

    /// Becomes readable when a frame has come or the session is closed.
    fn fileno(&self) -> RawFd {
        self.changed.as_raw_fd()
    }

    /// Makes `fileno` unreadable until the next change.
    fn clear(&self) {
        let _ = rustix::io::read(&*self.changed, &mut [0; 8]);
    }

    #[getter]
    fn overrun(&self) -> PyResult<u64> {
        Ok(self.open()?.overrun())
    }

    fn close(&self, py: Python<'_>) {
        if self.made_in.check().is_ok() {
            let subscriber = self.slot().take();
            py.detach(|| drop(subscriber));
        }
    }
}
