//! The session between this process and the workers that it has started.
//!
//! Holds: a session that listens on a socket in a folder of its own, without scouting, so that no network, firewall or
//! configuration of the application stands between a supervisor and its workers; and nobody but this user can connect. One
//! for all pools of a process; it goes with the last of them.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use zenoh::{Config, Session};
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, OpenError};

use crate::os::folder::Folder;

/// How long a session takes to open at most.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Hub {
    session: Session,
    endpoint: String,
    pid: u32,
    // After the session, whose socket lies in it.
    _folder: Folder,
}

/// Why there is no such session.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The folder for the socket could not be made.
    #[error(
        "no folder can be made for the workers' socket ({0}): see that XDG_RUNTIME_DIR, or /tmp, can be written"
    )]
    Folder(#[source] std::io::Error),
    /// zenoh's.
    #[error("the workers' session did not open: {0}")]
    Open(#[from] OpenError),
    /// The configuration was refused, as by another version of zenoh.
    #[error("zenoh refused the configuration of the workers' session: {0}")]
    Configuration(zenoh::Error),
}

static HUB: Mutex<Weak<Hub>> = Mutex::new(Weak::new());

impl Hub {
    /// This process's.
    pub(crate) fn get() -> Result<Arc<Self>, HubError> {
        let mut known = HUB.lock().unwrap_or_else(PoisonError::into_inner);
        // A forked child's would be its parent's.
        if let Some(hub) = known.upgrade().filter(|hub| hub.pid == std::process::id()) {
            return Ok(hub);
        }
        let folder = Folder::new().map_err(HubError::Folder)?;
        let endpoint = format!("unixsock-stream/{}/s", folder.path().display());
        let listen = format!("[{endpoint:?}]");
        let config = configured(&[("mode", r#""peer""#), ("listen/endpoints", &listen)]);
        let config = config.map_err(HubError::Configuration)?;
        let session = pubsub::open_within(config, &Pinner::host_only(), OPEN_TIMEOUT)?;
        let hub = Arc::new(Self {
            session,
            endpoint,
            pid: std::process::id(),
            _folder: folder,
        });
        *known = Arc::downgrade(&hub);
        Ok(hub)
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Where workers connect to.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// A worker's session to its supervisor's.
pub(crate) fn connect(endpoint: &str, pinner: &Pinner) -> Result<Session, HubError> {
    let connect = format!("[{endpoint:?}]");
    let config = configured(&[
        ("mode", r#""client""#),
        ("connect/endpoints", &connect),
        ("connect/timeout_ms", "5000"),
    ]);
    let config = config.map_err(HubError::Configuration)?;
    Ok(pubsub::open_within(config, pinner, OPEN_TIMEOUT)?)
}

fn configured(settings: &[(&str, &str)]) -> zenoh::Result<Config> {
    let mut config = Config::default();
    let always = [
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
    ];
    for (key, value) in always.iter().chain(settings) {
        config.insert_json5(key, value)?;
    }
    Ok(config)
}
