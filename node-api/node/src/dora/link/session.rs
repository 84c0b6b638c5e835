//! The second zenoh session of a node's process, which publishes the pinned outputs.
//!
//! It is a peer like the node's own session and dials that one's listener; from there zenoh's gossip tells
//! the consumers, which have dialled the same listener, where to find it. As a client it would be relayed by
//! the node's own session, which would attach the pool a second time.

use std::time::Duration;

use zenoh::{Config, Session, Wait};

use crate::{dora::DoraPathReason, opening};

/// On this host only, because only its consumers can attach a pool.
const LISTEN: &str = r#"["tcp/127.0.0.1:0"]"#;

/// As in dora itself: an endpoint that does not answer must not hold up the end of the session.
const OPEN_TIMEOUT_MILLISECONDS: &str = "1000";
/// For opening as a whole, with time to spare on a busy machine.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the session beside the one that listens on `listener`.
pub(crate) fn open(listener: &str) -> Result<Session, DoraPathReason> {
    let failed = |detail: String| DoraPathReason::Session { detail };
    let mut config = Config::default();
    // An endpoint that is escaped as a Rust string is valid JSON too.
    let connect = format!("[{listener:?}]");
    for (key, value) in [
        ("mode", r#""peer""#),
        ("connect/endpoints", connect.as_str()),
        ("listen/endpoints", LISTEN),
        ("scouting/multicast/enabled", "false"),
        // Opening waits for nothing: answers to markers prove the routes.
        ("open/return_conditions/connect_scouted", "false"),
        ("open/return_conditions/declares", "false"),
        ("transport/unicast/open_timeout", OPEN_TIMEOUT_MILLISECONDS),
    ] {
        let inserted = config.insert_json5(key, value);
        inserted.map_err(|error| failed(format!("{key}: {error}")))?;
    }
    if let Some(reason) = zenoh_pinned::prepare_session(&mut config) {
        return Err(DoraPathReason::NoSharedMemory(reason));
    }
    let opened = opening::wait_for(move || zenoh::open(config).wait(), OPEN_TIMEOUT);
    opened.map_err(|error| failed(error.to_string()))
}
