//! zenoh sessions on unix sockets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use zenoh::{Session, Wait, pubsub::Publisher, qos::CongestionControl, shm::ShmClientStorage};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::session;

use crate::{Error, Outcome, transport::Transport};

/// Messages that the consumer tells a time of.
pub(crate) const TOLD: &str = "told";
/// Messages that the consumer only takes.
pub(crate) const UNTOLD: &str = "untold";

/// An endpoint that nobody else uses.
pub(crate) fn endpoint() -> String {
    // Relaxed: only the number has to be another one each time.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("micro-bench-{}-{count}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    format!("unixsock-stream/{}", path.display())
}

/// Fails where zenoh cannot have shared memory in this process, with the reason.
pub(crate) fn check_shared_memory() -> Outcome {
    share_memory(&mut zenoh::Config::default())
}

fn share_memory(config: &mut zenoh::Config) -> Outcome {
    match zenoh_pinned::prepare_session(config) {
        Some(reason) => Err(reason.into()),
        None => Ok(()),
    }
}

/// The producer's session.
pub(crate) fn listen(transport: Transport, endpoint: &str) -> Result<Session, Error> {
    open(transport, (&[endpoint], &[]), None)
}

/// The consumer's session.
pub(crate) fn connect(
    transport: Transport,
    endpoint: &str,
    pinner: &Pinner,
) -> Result<Session, Error> {
    let clients = (transport == Transport::Pinned).then(|| zenoh_pinned::shm_clients(pinner));
    open(transport, (&[], &[endpoint]), clients)
}

fn open(
    transport: Transport,
    (listen, connect): (&[&str], &[&str]),
    clients: Option<Arc<ShmClientStorage>>,
) -> Result<Session, Error> {
    let mut config = session::configuration(listen, connect)?;
    if transport == Transport::Plain {
        config.insert_json5("transport/shared_memory/enabled", "false")?;
    } else {
        share_memory(&mut config)?;
    }
    match clients {
        Some(clients) => zenoh::open(config).with_shm_clients(clients).wait(),
        None => zenoh::open(config).wait(),
    }
}

/// A publisher that blocks rather than drops, once somebody listens. An express one sends each message at once;
/// others, as is zenoh's default, several together where they follow each other closely.
pub(crate) fn publisher(
    session: &Session,
    key: &'static str,
    is_express: bool,
) -> Result<Publisher<'static>, Error> {
    let publisher = session
        .declare_publisher(key)
        .congestion_control(CongestionControl::Block)
        .express(is_express)
        .wait()?;
    while !publisher.matching_status().wait()?.matching() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(publisher)
}
