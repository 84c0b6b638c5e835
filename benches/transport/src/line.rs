//! Publishers in this process and a subscriber in another one, each on a session of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use zenoh::{
    Session, Wait, bytes::ZBytes, pubsub::Publisher, qos::CongestionControl, shm::ShmClientStorage,
};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::session;

use crate::{Error, arm::Arm, peer::Peer};

/// Messages that the consumer tells times of.
pub(crate) const TOLD: &str = "told";
/// Messages that the consumer only takes.
pub(crate) const UNTOLD: &str = "untold";

pub(crate) struct Line {
    told: Publisher<'static>,
    untold: Publisher<'static>,
    pub(crate) consumer: Peer,
    _session: Session,
}

impl Line {
    /// With the other process in a role of `consumer`. An express line sends each message at once, another one, as is
    /// zenoh's default, several together where they follow each other closely.
    pub(crate) fn new(role: &str, consumer: Arm, is_express: bool) -> Result<Self, Error> {
        let endpoint = endpoint();
        let session = match consumer {
            Arm::Plain => without_shared_memory(&[&endpoint], &[])?,
            Arm::Pinned | Arm::Stock => session::open(&[&endpoint], &[], None)?,
        };
        let consumer = Peer::start(&[role, consumer.name(), &endpoint])?;
        Ok(Self {
            told: publisher(&session, TOLD, is_express)?,
            untold: publisher(&session, UNTOLD, is_express)?,
            consumer,
            _session: session,
        })
    }

    /// Sends what the consumer tells times of.
    pub(crate) fn put(&self, message: ZBytes) -> Result<(), Error> {
        self.told.put(message).wait()
    }

    /// Sends what the consumer only takes.
    pub(crate) fn put_untold(&self, message: ZBytes) -> Result<(), Error> {
        self.untold.put(message).wait()
    }
}

/// The consumer's session. zenoh's global clients would keep a segment attached from one measurement to the next, so
/// stock zenoh has fresh ones.
pub(crate) fn connect(arm: Arm, endpoint: &str, pinner: &Pinner) -> Result<Session, Error> {
    let clients = match arm {
        Arm::Pinned => zenoh_pinned::shm_clients(pinner),
        Arm::Stock => Arc::new(
            ShmClientStorage::builder()
                .with_default_client_set()
                .build(),
        ),
        Arm::Plain => return without_shared_memory(&[], &[endpoint]),
    };
    session::open(&[], &[endpoint], Some(clients))
}

fn without_shared_memory(listen: &[&str], connect: &[&str]) -> Result<Session, Error> {
    let mut config = session::configuration(listen, connect)?;
    config.insert_json5("transport/shared_memory/enabled", "false")?;
    zenoh::open(config).wait()
}

/// An endpoint that nobody else uses.
fn endpoint() -> String {
    // Relaxed: only the number has to be another one each time.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("transport-bench-{}-{count}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    format!("unixsock-stream/{}", path.display())
}

/// A publisher that blocks rather than drops, once somebody listens.
fn publisher(
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
