//! Sessions on unix sockets, with nobody but the processes of a round.

use std::sync::Arc;

use zenoh::{Config, Session, Wait, shm::ShmClientStorage};

use crate::Outcome;

/// Opens a session that listens at `listen` and connects to `connect`.
pub fn open(
    listen: &[String],
    connect: &[String],
    clients: Option<Arc<ShmClientStorage>>,
) -> Outcome<Session> {
    let mut config = Config::default();
    for (key, value) in [
        ("mode", String::from("\"peer\"")),
        ("scouting/multicast/enabled", String::from("false")),
        ("listen/endpoints", serde_json::to_string(listen)?),
        ("connect/endpoints", serde_json::to_string(connect)?),
    ] {
        config.insert_json5(key, &value)?;
    }
    if let Some(reason) = zenoh_pinned::prepare_session(&mut config) {
        return Err(reason.to_string().into());
    }
    let session = zenoh::open(config);
    match clients {
        Some(clients) => session.with_shm_clients(clients).wait(),
        None => session.wait(),
    }
}
