//! Receiving frames.

use std::{
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use pyo3::{
    exceptions::{PyOSError, PyValueError},
    prelude::*,
    types::PyTuple,
};
use rustix::event::{EventfdFlags, eventfd};
use zenoh_pinned_node::pubsub::{
    FrameSubscriber, FrameSubscriberBuilder, ReceiveError, ReceivedFrame, recv_any as any_of,
};

use super::lines::LineFromPublisher;
use crate::{
    errors,
    frame::{Beside, Frame},
    open::Open,
    signals,
    sizes::seconds,
    target::Target,
    words,
};

/// The native part of `zenoh_pinned.Subscriber`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Subscriber {
    subscriber: Open<Arc<FrameSubscriber>>,
    target: Target,
    /// Readable when something has changed, for event loops. Made for the first of them, as a thread then wakes for
    /// every frame.
    changed: OnceLock<Arc<OwnedFd>>,
}

impl Subscriber {
    pub(super) fn declare(
        builder: FrameSubscriberBuilder,
        session: &zenoh::Session,
        key: &str,
        target: Target,
    ) -> PyResult<Self> {
        let subscriber = builder.declare(session, key).map_err(errors::zenoh)?;
        Ok(Self {
            subscriber: Open::new(
                Arc::new(subscriber),
                "the subscriber is closed: declare another one",
            ),
            target,
            changed: OnceLock::new(),
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

    /// `None`: no frame came in time.
    fn error(&self, error: ReceiveError) -> Option<PyErr> {
        // One that was closed says so itself.
        self.subscriber
            .get()
            .err()
            .or_else(|| errors::receive(error))
    }
}

#[pymethods]
impl Subscriber {
    /// The next frame, or `None` where none came in time.
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        let subscriber = self.subscriber.get()?;
        let timeout = timeout.map(seconds).transpose()?;
        let received = signals::interruptible(py, || match timeout {
            None => subscriber.recv(),
            Some(timeout) => subscriber.recv_timeout(timeout),
        })?;
        match received {
            Ok(received) => self.object(py, received).map(Some),
            Err(error) => self.error(error).map_or(Ok(None), Err),
        }
    }

    /// What becomes readable when a frame has come or the session is closed.
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        if let Some(changed) = self.changed.get() {
            return Ok(changed.as_raw_fd());
        }
        let subscriber = self.subscriber.get()?;
        let changed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let changed = Arc::new(changed.map_err(|error| PyOSError::new_err(error.to_string()))?);
        let known = self.changed.get_or_init(|| changed.clone());
        if Arc::ptr_eq(known, &changed) {
            py.detach(|| {
                subscriber.announce_to(move || {
                    // A counter that is full is readable already.
                    let _ = rustix::io::write(&*changed, &1u64.to_ne_bytes());
                });
            });
        }
        Ok(known.as_raw_fd())
    }

    /// Makes `fileno` unreadable until the next change.
    fn clear(&self) {
        if let Some(changed) = self.changed.get() {
            let _ = rustix::io::read(&**changed, &mut [0; 8]);
        }
    }

    #[getter]
    fn overrun(&self, py: Python<'_>) -> PyResult<u64> {
        let subscriber = self.subscriber.get()?;
        Ok(py.detach(|| subscriber.overrun()))
    }

    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let subscriber = self.subscriber.get()?;
        let lines = py.detach(|| subscriber.lines());
        PyTuple::new(py, lines.into_iter().map(LineFromPublisher::of))
    }

    #[getter]
    fn no_line(&self) -> PyResult<Option<String>> {
        let subscriber = self.subscriber.get()?;
        let reason = subscriber.no_line();
        Ok(reason.map(|reason| words::in_python(&reason.to_string())))
    }

    fn close(&self, py: Python<'_>) {
        let subscriber = self.subscriber.take();
        py.detach(|| {
            if let Some(subscriber) = subscriber {
                // Whoever waits for it has it too.
                subscriber.close();
            }
        });
    }
}

/// The next frame of any of the subscribers, and which one it came to; `None` where none came in time.
#[pyfunction]
pub(crate) fn recv_any(
    py: Python<'_>,
    subscribers: Vec<Py<Subscriber>>,
    timeout: Option<f64>,
) -> PyResult<Option<(usize, Py<PyAny>)>> {
    if subscribers.is_empty() {
        return Err(PyValueError::new_err("there is no subscriber to wait for"));
    }
    let open = subscribers
        .iter()
        .map(|native| native.get().subscriber.get());
    let open = open.collect::<PyResult<Vec<_>>>()?;
    let timeout = timeout.map_or(Ok(Duration::MAX), seconds)?;
    let received = signals::interruptible(py, || {
        let open: Vec<&FrameSubscriber> = open.iter().map(|subscriber| &**subscriber).collect();
        any_of(&open, timeout)
    })?;
    match received {
        Ok((which, received)) => match subscribers.get(which) {
            Some(native) => Ok(Some((which, native.get().object(py, received)?))),
            None => Ok(None),
        },
        Err(error) => {
            let closed = subscribers.iter().find_map(|native| {
                let closed = native.get().subscriber.get();
                closed.err()
            });
            closed
                .or_else(|| errors::receive(error))
                .map_or(Ok(None), Err)
        }
    }
}
