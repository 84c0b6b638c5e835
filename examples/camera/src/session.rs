//! Opens a zenoh session: a peer that looks for nobody and talks only to the endpoints it was given.

use anyhow::{Context as _, anyhow};
use zenoh::Wait as _;
use zenoh_pinned::Pinner;

use crate::arguments::EndpointArguments;

#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    pub(crate) connect: Vec<String>,
    pub(crate) listen: Vec<String>,
}

impl Endpoints {
    pub(crate) fn given(arguments: &EndpointArguments) -> Option<Self> {
        let EndpointArguments {
            connect, listen, ..
        } = arguments;
        (!connect.is_empty() || !listen.is_empty()).then(|| Self {
            connect: connect.clone(),
            listen: listen.clone(),
        })
    }

    pub(crate) fn connect(endpoint: &str) -> Self {
        Self {
            connect: vec![endpoint.to_owned()],
            listen: Vec::new(),
        }
    }

    pub(crate) fn listen(endpoint: &str) -> Self {
        Self {
            connect: Vec::new(),
            listen: vec![endpoint.to_owned()],
        }
    }
}

pub(crate) struct OpenSession {
    pub(crate) session: zenoh::Session,
    /// Why this session has no shared memory, where that is so.
    pub(crate) reason: Option<String>,
}

pub(crate) fn open(endpoints: &Endpoints, pinner: &Pinner) -> anyhow::Result<OpenSession> {
    let mut config = zenoh::Config::default();
    let settings = [
        ("mode", "\"peer\"".to_owned()),
        ("scouting/multicast/enabled", "false".to_owned()),
        // zenoh's own default is to try once a second, then ever more seldom.
        (
            "connect/retry",
            r#"{"period_init_ms": 100, "period_max_ms": 500, "period_increase_factor": 2}"#
                .to_owned(),
        ),
        (
            "connect/endpoints",
            serde_json::to_string(&endpoints.connect)?,
        ),
        (
            "listen/endpoints",
            serde_json::to_string(&endpoints.listen)?,
        ),
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
        .with_context(|| {
            format!("No zenoh session could be opened with these endpoints: {endpoints:?}")
        })?;
    Ok(OpenSession { session, reason })
}

/// What zenoh says, without the place in its source code.
pub(crate) fn plain(error: zenoh::Error) -> anyhow::Error {
    let text = error.to_string();
    anyhow!("{}", text.split(" at /").next().unwrap_or(&text))
}

/// The liveliness token of whoever publishes on this key.
pub(crate) fn publisher_token(key: &str) -> String {
    format!("{key}/publisher")
}
