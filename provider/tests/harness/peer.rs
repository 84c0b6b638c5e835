//! zenoh sessions that meet each other and nobody else.

use std::{path::PathBuf, sync::Arc};

use zenoh::{
    Config, Session, Wait, pubsub::Publisher, qos::CongestionControl, shm::ShmClientStorage,
};

use super::{driver::temporary_file, eventually};

/// A fresh endpoint on a unix socket.
pub fn endpoint() -> String {
    format!("unixsock-stream/{}", temporary_file("zenoh.sock").display())
}

/// The socket's file, which zenoh leaves behind.
pub fn socket_file(endpoint: &str) -> PathBuf {
    PathBuf::from(endpoint.trim_start_matches("unixsock-stream/"))
}

fn isolated() -> Config {
    let mut config = Config::default();
    for (key, value) in [
        ("mode", "\"peer\""),
        ("scouting/multicast/enabled", "false"),
        ("listen/endpoints", "[]"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    config
}

/// A configuration that waits for others at `endpoint`.
pub fn listening(endpoint: &str) -> Config {
    listening_at(&[endpoint])
}

/// As [`listening`], at several endpoints.
pub fn listening_at(endpoints: &[&str]) -> Config {
    let mut config = isolated();
    let endpoints: Vec<_> = endpoints.iter().map(|one| format!("\"{one}\"")).collect();
    config
        .insert_json5("listen/endpoints", &format!("[{}]", endpoints.join(",")))
        .unwrap();
    config
}

/// A configuration that goes to somebody who waits at `endpoint`.
pub fn connecting(endpoint: &str) -> Config {
    let mut config = isolated();
    config
        .insert_json5("connect/endpoints", &format!("[\"{endpoint}\"]"))
        .unwrap();
    config
}

/// Opens a session, with these shared-memory clients or zenoh's own.
pub fn open(mut config: Config, clients: Option<Arc<ShmClientStorage>>) -> Session {
    zenoh_pinned::prepare_session(&mut config);
    let builder = zenoh::open(config);
    match clients {
        Some(clients) => builder.with_shm_clients(clients).wait().unwrap(),
        None => builder.wait().unwrap(),
    }
}

/// A publisher that blocks rather than drops, once a subscriber is there.
pub fn publisher(session: &Session, key: &str) -> Publisher<'static> {
    let publisher = session
        .declare_publisher(key.to_owned())
        .congestion_control(CongestionControl::Block)
        .express(true)
        .wait()
        .unwrap();
    eventually("no subscriber came", || {
        publisher.matching_status().wait().unwrap().matching()
    });
    publisher
}
