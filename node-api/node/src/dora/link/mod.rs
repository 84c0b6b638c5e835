//! A second link of the node's process: to consumers by zenoh, and to the daemon by TCP.
//!
//! Holds: both connections as one (here); the zenoh session (`session`); the connection to the daemon (`daemon`,
//! `framing`); and what the daemon told this node (`description`, `environment`).
//!
//! Who may write what: the connection to the daemon is written under the mutex of the outputs; the session is zenoh's.
//! No locks of its own.
//!
//! Invariants: every wait is bounded; whatever fails while the link opens is a [`DoraPathReason`], and the outputs take
//! dora's own path.
//!
//! Knowingly weak: it exists because dora's own session and connection cannot be reached from outside, and costs a
//! second session's threads.

pub(crate) mod daemon;
pub(crate) mod description;
pub(crate) mod environment;
pub(crate) mod framing;
mod session;

use std::time::Duration;

use zenoh::{Session, Wait};

use super::DoraPathReason;
use daemon::DaemonLink;
use description::NodeDescription;

/// How long closing the session may take, as in dora itself.
const SESSION_CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The second session and the second connection of one node.
pub(crate) struct Link {
    pub(crate) node: NodeDescription,
    pub(crate) daemon: DaemonLink,
    pub(crate) session: Session,
}

impl Link {
    pub(crate) fn open(node: NodeDescription) -> Result<Self, DoraPathReason> {
        let daemon = DaemonLink::connect(node.daemon, node.dataflow_id, node.node_id.clone());
        let daemon = daemon.map_err(|error| DoraPathReason::Daemon {
            detail: error.to_string(),
        })?;
        let session = session::open(&node.listener)?;
        Ok(Self {
            node,
            daemon,
            session,
        })
    }

    /// Drops what was `declared` on the session and closes that. Does not wait for ever for a network that is stuck.
    pub(crate) fn close(self, declared: impl Send + 'static) {
        let Self { session, .. } = self;
        let (closed, is_closed) = std::sync::mpsc::channel();
        let closing = std::thread::Builder::new()
            .name(String::from("zpin-close"))
            .spawn(move || {
                drop(declared);
                let result = session.close().wait();
                let _ = closed.send(result);
            });
        match closing.map(|_| is_closed.recv_timeout(SESSION_CLOSE_TIMEOUT)) {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the session did not close cleanly"),
            Ok(Err(_)) => tracing::warn!("the session is still closing; going on without it"),
            Err(error) => tracing::warn!(%error, "no thread to close the session"),
        }
    }
}
