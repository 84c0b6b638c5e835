//! Receiving frames.

use std::{
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use pyo3::{exceptions::PyOSError, prelude::*};
use rustix::event::{EventfdFlags, eventfd};
use zenoh_pinned_node::pubsub::{FrameSubscriber, ReceiveError, ReceivedFrame};

use super::open::Open;
use crate::{
    errors,
    frame::{Beside, Frame},
    pinners,
    sizes::seconds,
    target::Target,
};

/// How long a wait lasts before it looks for signals of the process.
const PIECE: Duration = Duration::from_millis(100);

/// The native part of `zenoh_pinned.Subscriber`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Subscriber {
    subscriber: Open<Arc<FrameSubscriber>>,
    target: Target,
    /// Readable when something has changed, for event loops.
    changed: Arc<OwnedFd>,
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
            subscriber: Open::new(
                Arc::new(subscriber),
                "the subscriber is closed: declare another one",
            ),
            target,
            changed,
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

#[pymethods]
impl Subscriber {
    /// The next frame, or `None` where none came in time.
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        let subscriber = self.subscriber.get()?;
        let timeout = timeout.map(seconds).transpose()?;
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let wait = left.map_or(PIECE, |left| left.min(PIECE));
            match py.detach(|| subscriber.recv_timeout(wait)) {
                Ok(received) => return self.object(py, received).map(Some),
                Err(ReceiveError::TimedOut(_)) if left.is_none_or(|left| !left.is_zero()) => {
                    py.check_signals()?;
                    self.subscriber.get()?;
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
        Ok(self.subscriber.get()?.overrun())
    }

    fn close(&self, py: Python<'_>) {
        let subscriber = self.subscriber.take();
        py.detach(|| drop(subscriber));
    }
}
