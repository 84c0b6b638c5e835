//! Sessions of this soak: unix sockets, nobody else.

use std::sync::Arc;

use zenoh::{Config, Session, Wait, shm::ShmClientStorage};

use crate::Outcome;

/// Opens a session that listens at `listen` and connects to `connect`.
pub fn open(
    listen: &[&str],
    connect: &[&str],
    clients: Option<Arc<ShmClientStorage>>,
) -> Outcome<Session> {
    let list = |endpoints: &[&str]| {
        let quoted: Vec<_> = endpoints
            .iter()
            .map(|endpoint| format!("\"{endpoint}\""))
            .collect();
        format!("[{}]", quoted.join(","))
    };
    let mut config = Config::default();
    for (key, value) in [
        ("mode", String::from("\"peer\"")),
        ("scouting/multicast/enabled", String::from("false")),
        ("listen/endpoints", list(listen)),
        ("connect/endpoints", list(connect)),
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
