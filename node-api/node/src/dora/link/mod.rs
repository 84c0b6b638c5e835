//! The way to consumers and daemon beside the node's own.

pub(crate) mod daemon;
pub(crate) mod description;
pub(crate) mod environment;
mod framing;
mod session;

use std::time::Duration;

use zenoh::{Session, Wait};

use super::{DoraPathReason, route::Route};
use daemon::DaemonLink;
use description::NodeDescription;

/// How long zenoh may take to close the session, as dora's own limit for that.
const SESSION_CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A second session and a second connection for one node.
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

    /// Undeclares the routes and closes the session, without waiting for ever for a network that is stuck.
    pub(crate) fn close(self, routes: Vec<Route>) {
        let Self { session, .. } = self;
        let (closed, is_closed) = std::sync::mpsc::channel();
        let closing = std::thread::Builder::new()
            .name(String::from("zpin-close"))
            .spawn(move || {
                drop(routes);
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
