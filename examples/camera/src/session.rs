//! Opens a zenoh session: a peer that looks for nobody and talks only to the endpoint it was given.

use anyhow::{Context as _, anyhow};
use zenoh::Wait as _;
use zenoh_pinned::Pinner;

/// What the frames travel on.
pub(crate) const KEY: &str = "camera/frames";
/// The liveliness token of the publisher.
pub(crate) const PUBLISHER_TOKEN: &str = "camera/frames/publisher";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint<'a> {
    Listen(&'a str),
    Connect(&'a str),
}

pub(crate) struct OpenSession {
    pub(crate) session: zenoh::Session,
    /// Why this session has no shared memory, where that is so.
    pub(crate) reason: Option<String>,
}

pub(crate) fn open(endpoint: Endpoint<'_>, pinner: &Pinner) -> anyhow::Result<OpenSession> {
    let mut config = zenoh::Config::default();
    let (direction, address) = match endpoint {
        Endpoint::Listen(address) => ("listen/endpoints", address),
        Endpoint::Connect(address) => ("connect/endpoints", address),
    };
    let settings = [
        ("mode", "\"peer\"".to_owned()),
        ("scouting/multicast/enabled", "false".to_owned()),
        // zenoh's own default is to try once a second, then ever more seldom.
        (
            "connect/retry",
            r#"{"period_init_ms": 100, "period_max_ms": 500, "period_increase_factor": 2}"#
                .to_owned(),
        ),
        ("listen/endpoints", "[]".to_owned()),
        (direction, serde_json::to_string(&[address])?),
    ];
    for (key, value) in settings {
        config
            .insert_json5(key, &value)
            .map_err(plain)
            .with_context(|| format!("zenoh does not accept {value} for {key}"))?;
    }
    let reason = zenoh_pinned::prepare_session(&mut config).map(|reason| reason.to_string());
    let session = zenoh::open(config)
        .with_shm_clients(zenoh_pinned::shm_clients(pinner))
        .wait()
        .map_err(plain)
        .with_context(|| format!("No zenoh session could be opened at {address}"))?;
    Ok(OpenSession { session, reason })
}

/// What zenoh says, without the place in its source code.
pub(crate) fn plain(error: zenoh::Error) -> anyhow::Error {
    let text = error.to_string();
    anyhow!("{}", text.split(" at /").next().unwrap_or(&text))
}
