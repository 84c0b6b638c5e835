//! Sessions that nobody but the processes of a measurement takes part in.

use std::sync::Arc;

use zenoh::{Config, Session, Wait, shm::ShmClientStorage};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A peer that listens at `listen`, connects to `connect`, and looks for nobody else.
///
/// # Errors
/// zenoh does not take an endpoint.
pub fn configuration<Endpoint: AsRef<str>>(
    listen: &[Endpoint],
    connect: &[Endpoint],
) -> Result<Config, Error> {
    let list = |endpoints: &[Endpoint]| {
        let endpoints: Vec<_> = endpoints.iter().map(AsRef::as_ref).collect();
        serde_json::to_string(&endpoints)
    };
    let mut config = Config::default();
    for (key, value) in [
        ("mode", String::from("\"peer\"")),
        ("scouting/multicast/enabled", String::from("false")),
        ("listen/endpoints", list(listen)?),
        ("connect/endpoints", list(connect)?),
    ] {
        config.insert_json5(key, &value)?;
    }
    Ok(config)
}

/// Opens such a session with shared memory, attached by these clients or by zenoh's global ones.
///
/// # Errors
/// There is no shared memory here, or zenoh cannot listen or connect.
pub fn open<Endpoint: AsRef<str>>(
    listen: &[Endpoint],
    connect: &[Endpoint],
    clients: Option<Arc<ShmClientStorage>>,
) -> Result<Session, Error> {
    let mut config = configuration(listen, connect)?;
    if let Some(reason) = zenoh_pinned::prepare_session(&mut config) {
        return Err(reason.to_string().into());
    }
    let session = zenoh::open(config);
    match clients {
        Some(clients) => session.with_shm_clients(clients).wait(),
        None => session.wait(),
    }
}
