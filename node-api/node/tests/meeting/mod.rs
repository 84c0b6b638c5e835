//! Two sessions that know each other, and what is declared on them.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::time::{Duration, Instant};

use zenoh::{Config, Session};
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, FrameSubscriberBuilder, PinnedPublisher};

pub const PATIENCE: Duration = Duration::from_secs(20);

fn session(listen: &[&str], connect: &[&str], settings: &[(&str, &str)]) -> Session {
    let mut config = Config::default();
    for (key, value) in settings {
        config.insert_json5(key, value).unwrap();
    }
    for (key, endpoints) in [("listen/endpoints", listen), ("connect/endpoints", connect)] {
        config.insert_json5(key, &format!("{endpoints:?}")).unwrap();
    }
    config
        .insert_json5("scouting/multicast/enabled", "false")
        .unwrap();
    pubsub::open(config, &Pinner::host_only()).unwrap()
}

/// A pair of sessions on a port that nobody has.
pub fn sessions() -> (Session, Session) {
    sessions_with(&[])
}

/// The same, with these settings as well.
pub fn sessions_with(settings: &[(&str, &str)]) -> (Session, Session) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp/{}", port.local_addr().unwrap());
    drop(port);
    let publishing = session(&[&endpoint], &[], settings);
    (publishing, session(&[], &[&endpoint], settings))
}

pub fn frames() -> FrameSubscriberBuilder {
    FrameSubscriber::builder(&Pinner::host_only())
}

pub fn camera() -> pubsub::PinnedPublisherBuilder {
    PinnedPublisher::builder(4096).wait(PATIENCE)
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
