//! What lines are open, and why others are not, as either end sees it.

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh_pinned_node::pubsub::{self, Overflow};

use crate::words;

/// A publisher whose frames come to a subscriber by a line, one of `Subscriber.lines`.
///
///     >>> import zenoh_pinned
///     >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
///     ...     subscriber = session.declare_subscriber("camera/*")
///     ...     for line in subscriber.lines:
///     ...         print(f"{line.key} from process {line.pid}, {line.overwritten} overwritten")
#[pyclass(frozen, get_all, eq, hash, module = "zenoh_pinned")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct LineFromPublisher {
    /// The publisher's process.
    pid: u32,
    /// Its key expression.
    key: String,
    /// Whether it says that nobody else publishes there.
    alone: bool,
    /// Frames that made room for newer ones unread.
    overwritten: u64,
}

impl LineFromPublisher {
    pub(super) fn of(line: pubsub::LineFromPublisher) -> Self {
        Self {
            pid: line.pid,
            key: line.key,
            alone: line.alone,
            overwritten: line.overwritten,
        }
    }
}

#[pymethods]
impl LineFromPublisher {
    fn __repr__(&self) -> String {
        let alone = if self.alone { ", alone" } else { "" };
        format!(
            "<LineFromPublisher {} of process {}{alone}, {} overwritten>",
            self.key, self.pid, self.overwritten
        )
    }
}

/// What stands between a publisher and one subscriber of this library's, one of `Publisher.lines`.
///
///     >>> import zenoh_pinned
///     >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
///     ...     subscriber = session.declare_subscriber("camera/left")
///     ...     publisher = session.declare_publisher("camera/left", frame_bytes=4096)
///     ...     for line in publisher.lines:
///     ...         print("by a line" if line.is_open else f"by zenoh: {line.reason}")
///     by zenoh: publisher and subscriber share a session, which hands frames over at once
#[pyclass(frozen, get_all, eq, hash, module = "zenoh_pinned")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct LineToSubscriber {
    /// The subscriber's process, where it is on this host; else `None`.
    pid: Option<u32>,
    /// Frames that it has not read yet.
    unread: u64,
    /// Frames that made room for newer ones unread.
    overwritten: u64,
    /// What the subscriber has chosen for a full line: ``"drop_oldest"`` or ``"refuse"``.
    overflow: &'static str,
    /// Why its frames go by zenoh; `None` where they go by the line.
    reason: Option<String>,
}

impl LineToSubscriber {
    pub(super) fn of(line: pubsub::LineToSubscriber) -> Self {
        Self {
            pid: line.pid,
            unread: line.unread,
            overwritten: line.overwritten,
            overflow: match line.overflow {
                Overflow::DropOldest => DROP_OLDEST,
                Overflow::Refuse => REFUSE,
            },
            reason: line
                .reason
                .map(|reason| words::in_python(&reason.to_string())),
        }
    }
}

#[pymethods]
impl LineToSubscriber {
    /// Whether frames go by the line.
    #[getter]
    fn is_open(&self) -> bool {
        self.reason.is_none()
    }

    fn __repr__(&self) -> String {
        let who = match self.pid {
            Some(pid) => format!("process {pid}"),
            None => String::from("another host"),
        };
        match &self.reason {
            Some(reason) => format!("<LineToSubscriber {who} by zenoh: {reason}>"),
            None => format!(
                "<LineToSubscriber {who}, {} unread, {} overwritten, {}>",
                self.unread, self.overwritten, self.overflow
            ),
        }
    }
}

const DROP_OLDEST: &str = "drop_oldest";
const REFUSE: &str = "refuse";

/// What happens to a frame for which there is no room.
///
/// # Errors
/// `ValueError`: it is neither.
pub(super) fn overflow(chosen: &str) -> PyResult<Overflow> {
    match chosen {
        DROP_OLDEST => Ok(Overflow::DropOldest),
        REFUSE => Ok(Overflow::Refuse),
        other => Err(PyValueError::new_err(format!(
            "overflow is '{DROP_OLDEST}' or '{REFUSE}', not '{other}'"
        ))),
    }
}
